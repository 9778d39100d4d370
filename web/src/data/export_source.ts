// The atlas as a folder of files, opened from a disk: browsers refuse to fetch there, so each data file is a script
// that hands its content over by asterismData(name, content). Binary content is base64.

import type { ExportFormat, Item, LabelLevels, Manifest, MapNeighbor, Neighbor, Neighbors, Query, SearchAnswer } from "./contract";
import { rowsToCsv } from "./csv";
import { AtlasError, type AtlasSource, type ColumnData } from "./source";

declare global {
  interface Window {
    asterismData?: (name: string, content: unknown) => void;
  }
}

const itemsPerFile = 2000;
const neighborsPerRow = 15;
const needsServer = "Open the collection with `asterism atlas` instead";

export function bytesOf(base64: string): ArrayBuffer {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes.buffer;
}

// What reads which file; all sources of a page share the function that the files call.
const waiting = new Map<string, (content: unknown) => void>();

export class ExportSource implements AtlasSource {
  readonly kind = "export";
  private readonly folder: string;
  private readonly prefix: string; // of the names of all files: "versions/2/"
  private readonly files = new Map<string, Promise<unknown>>();
  private folders: Manifest["version_folders"] = {};
  private columnTypes = new Map<string, string>();
  private rowCount = 0;

  constructor(folder = "data", prefix = "") {
    this.folder = folder;
    this.prefix = prefix;
    window.asterismData = (name, content) => waiting.get(name)?.(content);
  }

  // An export holds the versions that were steps of a series when it was written.
  at(version: string | null): ExportSource {
    const place = this.folders?.[version ?? ""];
    const source = new ExportSource(this.folder, place ?? this.prefix);
    source.folders = this.folders;
    return source;
  }

  hasChanged(): Promise<boolean> {
    return Promise.resolve(false);
  }

  layOutVersions(): Promise<never> {
    return Promise.reject(new AtlasError("An exported map cannot lay out versions", needsServer));
  }

  async manifest(): Promise<Manifest> {
    const manifest = (await this.file("manifest")) as Manifest;
    this.columnTypes = new Map(manifest.columns.map((column) => [column.name, column.type]));
    this.rowCount = manifest.row_count;
    this.folders = { ...this.folders, ...manifest.version_folders };
    return { ...manifest, writable: false, search: { text: false, image: false, arithmetic: false } };
  }

  async points(projection: string): Promise<Float32Array> {
    return new Float32Array(await this.bytes(`points/${projection}`));
  }

  async column(name: string): Promise<ColumnData> {
    const bytes = await this.bytes(`columns/${name}`);
    return this.columnTypes.get(name) === "category" ? new Uint16Array(bytes) : new Float64Array(bytes);
  }

  async distortion(projection: string): Promise<Float32Array> {
    return new Float32Array(await this.bytes(`distortion/${projection}`));
  }

  async labels(projection: string): Promise<LabelLevels> {
    return (await this.file(`labels/${projection}`)) as LabelLevels;
  }

  async items(rows: readonly number[]): Promise<Item[]> {
    const chunks = new Map<number, Item[]>();
    for (const chunk of new Set(rows.map((row) => Math.floor(row / itemsPerFile)))) {
      chunks.set(chunk, await this.chunk(chunk));
    }
    return rows.flatMap((row) => chunks.get(Math.floor(row / itemsPerFile))?.[row % itemsPerFile] ?? []);
  }

  async ids(): Promise<string[]> {
    return (await this.allItems()).map((item) => item.id);
  }

  async find(contains: string, limit: number): Promise<number[]> {
    const wanted = contains.toLowerCase();
    const found = (await this.allItems()).filter((item) => (item.text ?? item.id).toLowerCase().includes(wanted));
    return found.slice(0, limit).map((item) => item.row);
  }

  async neighbors(row: number, count: number, projection: string): Promise<Neighbors> {
    return { row, neighbors: await this.nearest(row, count), map_neighbors: await this.nearestOnMap(row, count, projection) };
  }

  private async nearest(row: number, count: number): Promise<Neighbor[]> {
    const rows = new Uint32Array(await this.bytes("neighbors"));
    const scores = new Float32Array(await this.bytes("neighbor_scores"));
    const begin = row * neighborsPerRow;
    return Array.from(rows.subarray(begin, begin + Math.min(count, neighborsPerRow)), (neighbor, place) => ({
      row: neighbor,
      score: scores[begin + place] ?? 0,
    })).filter((neighbor) => neighbor.row < this.rowCount);
  }

  private async nearestOnMap(row: number, count: number, projection: string): Promise<MapNeighbor[]> {
    const rows = new Uint32Array(await this.bytes(`map_neighbors/${projection}`));
    const ranks = new Uint8Array(await this.bytes(`map_ranks/${projection}`));
    const points = await this.points(projection);
    const dim = points.length / this.rowCount;
    const placeOf = (which: number): Float32Array => points.subarray(which * dim, (which + 1) * dim);
    const from = placeOf(row);
    const begin = row * neighborsPerRow;
    return Array.from(rows.subarray(begin, begin + Math.min(count, neighborsPerRow)), (neighbor, place) => ({
      row: neighbor,
      distance: Math.hypot(...placeOf(neighbor).map((value, axis) => value - from[axis])),
      rank: ranks[begin + place] || null,
      false: ranks[begin + place] === 0,
    })).filter((neighbor) => neighbor.row < this.rowCount);
  }

  async search(query: Query, count: number): Promise<SearchAnswer> {
    if (!("row" in query)) throw new AtlasError("An exported map has no model to search by meaning", needsServer);
    const started = performance.now();
    return { results: await this.nearest(query.row, count), took_ms: performance.now() - started };
  }

  createCollection(): Promise<number> {
    return Promise.reject(new AtlasError("An exported map cannot write collections", needsServer));
  }

  async exportRows(format: ExportFormat, rows: Uint32Array | null): Promise<Blob> {
    if (format !== "csv") throw new AtlasError(`An exported map cannot write ${format}`, needsServer);
    const items = rows ? await this.items(Array.from(rows)) : await this.allItems();
    return new Blob([rowsToCsv(items)], { type: "text/csv" });
  }

  thumbnail(): Promise<null> {
    return Promise.resolve(null);
  }

  async sprite(index: number): Promise<string> {
    return (await this.file(`sprites/${index}`)) as string;
  }

  private async chunk(index: number): Promise<Item[]> {
    const content = (await this.file(`items/${index}`)) as Item[] | { items: Item[] };
    return Array.isArray(content) ? content : content.items;
  }

  private async allItems(): Promise<Item[]> {
    const chunkCount = Math.ceil(this.rowCount / itemsPerFile);
    return (await Promise.all(Array.from({ length: chunkCount }, (_, index) => this.chunk(index)))).flat();
  }

  private async bytes(name: string): Promise<ArrayBuffer> {
    return bytesOf((await this.file(name)) as string);
  }

  // Loads each file once.
  private file(part: string): Promise<unknown> {
    const name = this.prefix + part;
    let content = this.files.get(name);
    if (!content) {
      content = this.load(name);
      this.files.set(name, content);
    }
    return content;
  }

  private load(name: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      waiting.set(name, resolve);
      script.src = `${this.folder}/${name.split("/").map(encodeURIComponent).join("/")}.js`;
      script.onload = () => {
        script.remove();
        waiting.delete(name);
      };
      script.onerror = () => {
        script.remove();
        reject(new AtlasError(`The exported folder lacks data/${name}.js`, "Write the export again"));
      };
      document.head.append(script);
    });
  }
}
