// A map of the files that TensorBoard's embedding projector reads: vectors.tsv (numbers, a line a row) and
// metadata.tsv (labels; with several columns the first line names them). All is computed in the page: the map by PCA,
// neighbours by an exact scan.

import { type Column, type Item, type Manifest, missingCode, type Neighbors, type Projection, type Query, type SearchAnswer, type LabelLevels, type ExportFormat } from "./contract";
import { rowsToCsv } from "./csv";
import { principalPlace } from "./principal_components";
import { AtlasError, type AtlasSource, type ColumnData } from "./source";

const rowsMax = 200_000;
const categoriesMax = 5000;

export function parseVectors(text: string): { vectors: Float32Array; dim: number; rowCount: number } {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines.length === 0) throw new AtlasError("vectors.tsv is empty", "It holds one row of numbers a line, parted by tabs");
  if (lines.length > rowsMax) throw new AtlasError(`vectors.tsv has ${lines.length} rows; the page opens up to ${rowsMax}`, "Add them to a collection");
  const dim = lines[0].split("\t").length;
  const vectors = new Float32Array(lines.length * dim);
  lines.forEach((line, row) => {
    const cells = line.split("\t");
    if (cells.length !== dim) throw new AtlasError(`vectors.tsv, line ${row + 1}: expected ${dim} numbers, found ${cells.length}`);
    cells.forEach((cell, place) => {
      const value = Number(cell);
      if (cell.trim() === "" || !Number.isFinite(value)) throw new AtlasError(`vectors.tsv, line ${row + 1}: '${cell.slice(0, 20)}' is no number`);
      vectors[row * dim + place] = value;
    });
  });
  return { vectors, dim, rowCount: lines.length };
}

export function parseMetadata(text: string, rowCount: number): Record<string, string>[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  // One column has no heading, several have one: so the projector reads them.
  const names = lines.length > 0 && lines[0].includes("\t") ? (lines.shift() ?? "").split("\t") : ["label"];
  if (lines.length !== rowCount) throw new AtlasError(`metadata.tsv has ${lines.length} rows, vectors.tsv has ${rowCount}`, "Each vector needs its line");
  return lines.map((line) => {
    const cells = line.split("\t");
    return Object.fromEntries(names.map((name, place) => [name, cells.at(place) ?? ""]));
  });
}

export async function readProjectorFiles(vectorFile: File, metadataFile: File | null): Promise<ProjectorSource> {
  const parsed = parseVectors(await vectorFile.text());
  const metadata = metadataFile ? parseMetadata(await metadataFile.text(), parsed.rowCount) : [];
  return new ProjectorSource(vectorFile.name, parsed.vectors, parsed.dim, metadata);
}

export class ProjectorSource implements AtlasSource {
  readonly kind = "local";
  private readonly name: string;
  private readonly vectors: Float32Array;
  private readonly dim: number;
  private readonly rowCount: number;
  private readonly metadata: readonly Record<string, string>[];
  private readonly data = new Map<string, ColumnData>();

  constructor(name: string, vectors: Float32Array, dim: number, metadata: readonly Record<string, string>[]) {
    this.name = name;
    this.vectors = vectors;
    this.dim = dim;
    this.rowCount = vectors.length / dim;
    this.metadata = metadata;
  }

  at(): this {
    return this;
  }

  hasChanged(): Promise<boolean> {
    return Promise.resolve(false);
  }

  layOutVersions(): Promise<never> {
    return Promise.reject(new AtlasError("Dropped files have no versions", "Add them to a collection"));
  }

  manifest(): Promise<Manifest> {
    const names = this.metadata.length > 0 ? Object.keys(this.metadata[0]) : [];
    const dims = ([2, 3] as const).filter((dim) => this.dim >= dim);
    return Promise.resolve({
      collection: this.name,
      snapshot: "local",
      stale: false,
      kind: "text",
      row_count: this.rowCount,
      model: "dropped files",
      dim: this.dim,
      metric: "cosine",
      version: null,
      versions: [],
      projections: dims.map((dim): Projection => ({
        name: this.dim === dim ? `as given ${dim}-D` : `pca ${dim}-D`,
        method: "pca",
        dim,
        row_count: this.rowCount,
        seed: 0,
        created: "",
        stale: false,
        trustworthiness: null,
        continuity: null,
        neighbor_count: null,
        version: null,
        series: null,
        series_step: null,
        series_label: null,
        series_bounds: null,
      })),
      columns: names.map((name) => this.makeColumn(name)),
      labels: false,
      thumbnails: false,
      search: { text: false, image: false, arithmetic: false },
      writable: false,
    });
  }

  private makeColumn(name: string): Column {
    const cells = this.metadata.map((row) => row[name]);
    const numbers = Float64Array.from(cells, (cell) => (cell.trim() === "" ? Number.NaN : Number(cell)));
    const missing = cells.filter((cell) => cell === "").length;
    const distinct = new Set(cells).size;
    const numeric = cells.every((cell, row) => cell === "" || Number.isFinite(numbers[row]));
    if (numeric && distinct > 12) {
      this.data.set(name, numbers);
      const known = numbers.filter((value) => !Number.isNaN(value));
      const [min, max] = known.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
      return { name, type: "number", min, max, missing };
    }
    if (distinct > categoriesMax || (distinct > 100 && distinct > this.rowCount * 0.9)) return { name, type: "text" };
    const counts = new Map<string, number>();
    for (const cell of cells) if (cell !== "") counts.set(cell, (counts.get(cell) ?? 0) + 1);
    const ordered = [...counts].sort((a, b) => b[1] - a[1]);
    const codes = new Map(ordered.map(([value], code) => [value, code]));
    this.data.set(name, Uint16Array.from(cells, (cell) => codes.get(cell) ?? missingCode));
    const values = ordered.map(([value]) => value);
    return { name, type: "category", values, counts: ordered.map(([, count]) => count), missing, distinct: values.length };
  }

  points(projection: string): Promise<Float32Array> {
    const dim = projection.endsWith("3-D") ? 3 : 2;
    return Promise.resolve(this.dim === dim ? this.vectors.slice() : principalPlace(this.vectors, this.dim, dim));
  }

  column(name: string): Promise<ColumnData> {
    const data = this.data.get(name);
    return data ? Promise.resolve(data) : Promise.reject(new AtlasError(`There is no column '${name}'`));
  }

  distortion(): Promise<Float32Array> {
    return Promise.reject(new AtlasError("Distortion is not computed for dropped files", "Add them to a collection"));
  }

  labels(): Promise<LabelLevels> {
    return Promise.resolve({ levels: [] });
  }

  items(rows: readonly number[]): Promise<Item[]> {
    return Promise.resolve(
      rows.map((row) => {
        const metadata = this.metadata.at(row) ?? {};
        return { row, id: String(row), text: Object.values(metadata).at(0) ?? null, image: false, metadata };
      }),
    );
  }

  ids(): Promise<string[]> {
    return Promise.resolve(Array.from({ length: this.rowCount }, (_, row) => String(row)));
  }

  find(contains: string, limit: number): Promise<number[]> {
    const wanted = contains.toLowerCase();
    const found: number[] = [];
    for (let row = 0; row < this.metadata.length && found.length < limit; row++) {
      if (Object.values(this.metadata[row]).some((cell) => cell.toLowerCase().includes(wanted))) found.push(row);
    }
    return Promise.resolve(found);
  }

  neighbors(row: number, count: number): Promise<Neighbors> {
    const scores = Array.from({ length: this.rowCount }, (_, other) => ({ row: other, score: this.cosine(row, other) }));
    const neighbors = scores.filter((other) => other.row !== row).sort((a, b) => b.score - a.score).slice(0, count);
    return Promise.resolve({ row, neighbors, map_neighbors: [] });
  }

  private cosine(a: number, b: number): number {
    let [dot, lengthA, lengthB] = [0, 0, 0];
    for (let place = 0; place < this.dim; place++) {
      const [x, y] = [this.vectors[a * this.dim + place], this.vectors[b * this.dim + place]];
      dot += x * y;
      lengthA += x * x;
      lengthB += y * y;
    }
    return lengthA > 0 && lengthB > 0 ? dot / Math.sqrt(lengthA * lengthB) : 0;
  }

  async search(query: Query, count: number): Promise<SearchAnswer> {
    if (!("row" in query)) throw new AtlasError("Dropped files have no model to search by meaning", "Add them to a collection");
    const started = performance.now();
    const { neighbors } = await this.neighbors(query.row, count);
    return { results: neighbors, took_ms: performance.now() - started };
  }

  createCollection(): Promise<number> {
    return Promise.reject(new AtlasError("Dropped files cannot become a collection here", "Use `asterism add`"));
  }

  async exportRows(format: ExportFormat, rows: Uint32Array | null): Promise<Blob> {
    if (format !== "csv") throw new AtlasError(`Dropped files are written as CSV only, not as ${format}`);
    const wanted = rows ? Array.from(rows) : Array.from({ length: this.rowCount }, (_, row) => row);
    return new Blob([rowsToCsv(await this.items(wanted))], { type: "text/csv" });
  }

  thumbnail(): Promise<null> {
    return Promise.resolve(null);
  }

  sprite(): Promise<string> {
    return Promise.reject(new AtlasError("Dropped files have no pictures"));
  }
}
