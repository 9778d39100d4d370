// Where the page's data comes from. Three ways: a server, the files of an export, a TensorBoard projector's files.

import type { ExportFormat, Item, LabelLevels, Manifest, Neighbors, Query, SearchAnswer, SeriesStep } from "./contract";

export type ColumnData = Uint16Array | Float64Array; // codes of a category; numbers, NaN where missing

export interface AtlasSource {
  readonly kind: "server" | "export" | "local";
  // The same collection at a named version; null: as it is now.
  at(version: string | null): AtlasSource;
  layOutVersions(): Promise<SeriesStep[]>; // all named versions, one from the other
  hasChanged(): Promise<boolean>; // was written to since manifest() was read
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
  thumbnail(row: number, sizePx: 64 | 256): Promise<string | null>; // an address; null: only sprites are there
  sprite(index: number): Promise<string>; // the address of 32 x 32 pictures
}

// What the page shows of a failure: what went wrong, and what the reader can do.
export class AtlasError extends Error {
  readonly hint: string;
  readonly stale: boolean; // the snapshot is gone: reload
  readonly needsKey: boolean;

  constructor(message: string, hint = "", { stale = false, needsKey = false } = {}) {
    super(message);
    this.name = "AtlasError";
    this.hint = hint;
    this.stale = stale;
    this.needsKey = needsKey;
  }
}

export function messageOf(problem: unknown): string {
  if (problem instanceof AtlasError) return problem.hint ? `${problem.message}. ${problem.hint}` : problem.message;
  return problem instanceof Error ? problem.message : String(problem);
}

export const spriteSide = 32; // pictures in a row of a sprite, and rows
export const spritePictureCount = spriteSide * spriteSide;

// How far a server is with what it works out for the first time.
export interface Work {
  stage: string;
  done: number;
  total: number; // 0: not known
}
