// The colour of every point from all that the reader chose: column, filters, selection, results.

import { paint, type ColorBy } from "../color/coloring";
import type { Scene } from "./scene";

export interface Emphasis {
  mask: Uint8Array | null; // 1: passes the filters; null: all do
  selection: Uint32Array;
  results: Uint32Array | null;
}

export interface RowColors {
  colors: Uint8Array; // [row_count, 4]
  lit: Uint32Array; // rows drawn over the others
}

const dimmedAlpha = 34;
const litMax = 1000; // more are bright, but no larger than the others

export function rowColors(rowCount: number, by: ColorBy, { mask, selection, results }: Emphasis, dark: boolean): RowColors {
  const colors = new Uint8Array(rowCount * 4);
  paint(colors, by, dark);
  const bright = results && results.length > 0 ? results : selection;
  const rest = bright.length > 0 || results ? dimmedAlpha : 255;
  for (let row = 0; row < rowCount; row++) colors[row * 4 + 3] = mask && !mask[row] ? 0 : rest;
  for (const row of bright) if (!mask || mask[row]) colors[row * 4 + 3] = 255;
  const lit = bright.length <= litMax ? bright : new Uint32Array(0);
  return { colors, lit };
}

// A row without a place has no point.
export function hideUnplaced(colors: Uint8Array, scene: Scene): void {
  if (scene.placedCount === scene.rowCount) return;
  for (let row = 0; row < scene.rowCount; row++) if (!scene.placed[row]) colors[row * 4 + 3] = 0;
}

// The same colours for the rows of another collection; what we lack is grey there.
export function carriedOver({ colors, lit }: RowColors, toOther: Int32Array, toOurs: Int32Array): RowColors {
  const carried = new Uint8Array(toOurs.length * 4);
  for (let row = 0; row < toOurs.length; row++) {
    const ours = toOurs[row];
    if (ours < 0) carried.set([128, 128, 128, dimmedAlpha], row * 4);
    else for (let part = 0; part < 4; part++) carried[row * 4 + part] = colors[ours * 4 + part];
  }
  const carriedLit: number[] = [];
  for (const row of lit) if (toOther[row] >= 0) carriedLit.push(toOther[row]);
  return { colors: carried, lit: Uint32Array.from(carriedLit) };
}
