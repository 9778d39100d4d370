// What the page reads: the answers of /v1/collections/NAME/atlas, and the files of an export, which hold the same.
// A row is the number of an item in one reading of the collection, the snapshot.

export interface Projection {
  name: string;
  method: string;
  dim: 2 | 3;
  row_count: number;
  seed: number;
  created: string;
  stale: boolean;
  trustworthiness: number | null;
  continuity: number | null;
  neighbor_count: number | null;
  version: string | null; // the named version that it is of; null: what was there
  series: string | null; // steps of one training, or versions
  series_step: number | null;
  series_label: string | null; // what the step is called
  series_bounds: readonly number[] | null; // least and largest x, y, z of the box that all steps are shown in
}

export interface SeriesStep {
  projection: string;
  version: string | null;
  label: string | null;
  row_count: number;
}

export interface CategoryColumn {
  name: string;
  type: "category";
  values: string[]; // most frequent first
  counts: number[];
  missing: number;
  distinct: number;
}

export interface RangeColumn {
  name: string;
  type: "number" | "date";
  min: number | string;
  max: number | string;
  missing: number;
}

export interface TextColumn {
  name: string;
  type: "text";
}

export type Column = CategoryColumn | RangeColumn | TextColumn;

export interface Manifest {
  collection: string;
  snapshot: string;
  stale: boolean; // the collection has changed since
  kind: string; // of most items: text, image, vector
  row_count: number;
  model: string | null;
  dim: number;
  metric: string;
  version: string | null;
  versions: readonly string[]; // all named ones, the oldest first
  version_folders?: Readonly<Partial<Record<string, string>>>; // of an export: where those stand that it holds
  projections: Projection[];
  columns: Column[];
  labels: boolean;
  thumbnails: boolean;
  search: { text: boolean; image: boolean; arithmetic: boolean };
  writable: boolean;
}

// Codes of a category column: a place in `values`, or one of these.
export const otherCode = 0xfffe;
export const missingCode = 0xffff;

export interface RegionLabel {
  x: number;
  y: number;
  z?: number; // of maps in space
  text?: string;
  rows?: number[]; // typical pictures
  count: number;
}

export interface LabelLevels {
  levels: { zoom: number; labels: RegionLabel[] }[];
}

export interface Item {
  row: number;
  id: string;
  text: string | null;
  image: boolean;
  metadata: Record<string, unknown>;
  gone?: boolean; // deleted since the map was opened
}

export interface Neighbor {
  row: number;
  score: number;
}

export interface MapNeighbor {
  row: number;
  distance: number;
  rank: number | null; // among the neighbours in the original space; null: too far to be ranked
  false?: boolean;
}

export interface Neighbors {
  row: number;
  neighbors: Neighbor[];
  map_neighbors: MapNeighbor[];
}

export type Query = { text: string } | { image: string } | { expression: string } | { row: number };

export interface SearchAnswer {
  results: Neighbor[];
  took_ms: number;
}

export type ExportFormat = "csv" | "parquet" | "projector";
