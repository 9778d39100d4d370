// From a column to the colour of every point.

import { type Column, missingCode, otherCode } from "../data/contract";
import type { ColumnData } from "../data/source";
import { categoryColor, missingColor, otherColor, plainColor, ramp, type RampName } from "./palette";

export type ColorBy =
  | { kind: "plain" }
  | { kind: "column"; column: Column; data: ColumnData }
  | { kind: "distortion"; part: "trust" | "continuity"; data: Float32Array }; // [row_count, 2]

export const rampOf = (by: ColorBy): RampName => (by.kind === "distortion" ? "cividis" : "viridis");

export function rangeOf(column: Column): [number, number] {
  if (column.type !== "number" && column.type !== "date") return [0, 1];
  const numberOf = (bound: number | string): number => (typeof bound === "string" ? Date.parse(bound) : bound);
  return [numberOf(column.min), numberOf(column.max)];
}

// Writes the colour of each row, without alpha, to `colors` [row_count, 4].
export function paint(colors: Uint8Array, by: ColorBy, dark: boolean): void {
  if (by.kind === "plain") paintPlain(colors, dark);
  else if (by.kind === "distortion") {
    const shift = by.part === "trust" ? 0 : 1;
    paintNumbers(colors, (row) => by.data[row * 2 + shift], [0, 1], rampOf(by), dark);
  } else if (by.data instanceof Uint16Array) paintCategories(colors, by.data, dark);
  else {
    const { data } = by;
    paintNumbers(colors, (row) => data[row], rangeOf(by.column), rampOf(by), dark);
  }
}

function paintPlain(colors: Uint8Array, dark: boolean): void {
  const [r, g, b] = plainColor(dark);
  for (let place = 0; place < colors.length; place += 4) {
    colors[place] = r;
    colors[place + 1] = g;
    colors[place + 2] = b;
  }
}

export function codeColor(code: number, dark: boolean) {
  if (code === missingCode) return missingColor(dark);
  return code === otherCode ? otherColor(dark) : categoryColor(code, dark);
}

function paintCategories(colors: Uint8Array, codes: Uint16Array, dark: boolean): void {
  const table = new Map<number, ReturnType<typeof codeColor>>();
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row];
    let color = table.get(code);
    if (!color) {
      color = codeColor(code, dark);
      table.set(code, color);
    }
    colors[row * 4] = color[0];
    colors[row * 4 + 1] = color[1];
    colors[row * 4 + 2] = color[2];
  }
}

function paintNumbers(
  colors: Uint8Array,
  valueOf: (row: number) => number,
  [min, max]: [number, number],
  name: RampName,
  dark: boolean,
): void {
  const table = ramp(name);
  const missing = missingColor(dark);
  const span = max - min;
  const rowCount = colors.length / 4;
  for (let row = 0; row < rowCount; row++) {
    const value = valueOf(row);
    if (Number.isNaN(value)) {
      colors.set(missing, row * 4);
      continue;
    }
    const share = span > 0 ? (value - min) / span : 0.5;
    const step = Math.max(0, Math.min(255, Math.round(share * 255))) * 3;
    colors[row * 4] = table[step];
    colors[row * 4 + 1] = table[step + 1];
    colors[row * 4 + 2] = table[step + 2];
  }
}
