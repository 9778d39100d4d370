// Where the page's data comes from. Three ways: a server, the files of an export, a TensorBoard projector's files.

import type { ExportFormat, Item, LabelLevels, Manifest, Neighbors, Query, SearchAnswer } from "./contract";

export type ColumnData = Uint16Array | Float64Array; // codes of a category; numbers, NaN where missing

export interface AtlasSource {
  readonly kind: "server" | "export" | "local";
  manifest(): Promise<Manifest>;
  points(projection: string): Promise<Float32Array>; // [row_count, dim], NaN where a row has no place
  column(name: string): Promise<ColumnData>; // [row_count]
  distortion(projection: string): Promise<Float32Array>; // [row_count, 2]: trust, continuity, 1 is good
  labels(projection: string): Promise<LabelLevels>;
  items(rows: readonly number[]): Promise<Item[]>;
  ids(): Promise<string[]>; // [row_count]
  find(contains: string, limit: number): Promise<number[]>;
  neighbors(row: number, count: number, projection: string): Promise<Neighbors>;
  search(query: Query, count: number): Promise<SearchAnswer>;
  createCollection(name: string, rows: Uint32Array): Promise<number>; // items written
  exportRows(format: ExportFormat, rows: Uint32Array | null): Promise<Blob>; // null: all
  thumbnailUrl(row: number, sizePx: 64 | 256): string | null; // null: only sprites are there
  spriteUrl(index: number): Promise<string>; // 32 x 32 pictures of 32 pixels
}

// What the page shows of a failure: what went wrong, and what the reader can do.
export class AtlasError extends Error {
  readonly hint: string;
  readonly stale: boolean; // the snapshot is gone: reload

  constructor(message: string, hint = "", stale = false) {
    super(message);
    this.name = "AtlasError";
    this.hint = hint;
    this.stale = stale;
  }
}

export function messageOf(problem: unknown): string {
  if (problem instanceof AtlasError) return problem.hint ? `${problem.message}. ${problem.hint}` : problem.message;
  return problem instanceof Error ? problem.message : String(problem);
}

export const spriteSide = 32; // pictures in a row of a sprite, and rows
export const spritePictureCount = spriteSide * spriteSide;
export const spritePicturePx = 32;
