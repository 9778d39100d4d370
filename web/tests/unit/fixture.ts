// A source in memory, of the kind that the page reads from a server.
import type { Item, Manifest, Projection } from "../../src/data/contract";
import type { AtlasSource } from "../../src/data/source";

export const projection = (name: string, more: Partial<Projection> = {}): Projection => ({
  name, method: "umap", dim: 2, row_count: 4, seed: 1, created: "", stale: false, trustworthiness: 0.9, continuity: 0.8,
  neighbor_count: 15, version: null, series: null, series_step: null, series_label: null, series_bounds: null, ...more,
});

export const manifest = (more: Partial<Manifest> = {}): Manifest => ({
  collection: "shoes", snapshot: "s", stale: false, kind: "text", row_count: 4, model: "m", dim: 3, metric: "cosine",
  version: null, versions: [], projections: [projection("umap"), projection("pca")],
  columns: [
    { name: "brand", type: "category", values: ["a", "b"], counts: [2, 1], missing: 1, distinct: 2 },
    { name: "price", type: "number", min: 0, max: 30, missing: 1 },
    { name: "note", type: "text" },
  ],
  labels: false, thumbnails: false, search: { text: true, image: false, arithmetic: true }, writable: true, ...more,
});

export const item = (row: number, text = `text ${row}`): Item => ({ row, id: `id-${row}`, text, image: false, metadata: { brand: "a" } });

export const fakeSource = (more: Partial<AtlasSource> = {}, changes: Partial<Manifest> = {}): AtlasSource => ({
  kind: "server",
  at: () => fakeSource(more, changes),
  hasChanged: () => Promise.resolve(false),
  layOutVersions: () => Promise.resolve([]),
  manifest: () => Promise.resolve(manifest(changes)),
  points: () => Promise.resolve(Float32Array.from([0, 0, 1, 0, 0, 1, NaN, NaN])),
  column: (name) =>
    Promise.resolve(name === "brand" ? Uint16Array.from([0, 0, 1, 0xffff]) : Float64Array.from([10, 20, NaN, 30])),
  distortion: () => Promise.resolve(new Float32Array(8).fill(1)),
  labels: () => Promise.resolve({ levels: [] }),
  items: (rows) => Promise.resolve(rows.map((row) => item(row))),
  ids: () => Promise.resolve(["id-0", "id-1", "id-2", "id-3"]),
  find: () => Promise.resolve([1, 2]),
  neighbors: (row) => Promise.resolve({ row, neighbors: [{ row: 1, score: 0.9 }], map_neighbors: [] }),
  search: () => Promise.resolve({ results: [{ row: 2, score: 0.5 }, { row: 0, score: 0.4 }], took_ms: 1 }),
  createCollection: (_, rows) => Promise.resolve(rows.length),
  exportRows: () => Promise.resolve(new Blob([])),
  thumbnail: () => Promise.resolve(null),
  sprite: () => Promise.reject(new Error("none")),
  ...more,
});
