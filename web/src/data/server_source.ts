// The atlas of a running server. Every call but the first names the snapshot, so that rows mean the same items
// throughout; a server that no longer holds it answers 409.

import type { ExportFormat, Item, LabelLevels, Manifest, Neighbors, Query, SearchAnswer } from "./contract";
import { AtlasError, type AtlasSource, type ColumnData } from "./source";

interface ErrorBody {
  error?: string;
  hint?: string;
}

const itemsPerCall = 1000;

export class ServerSource implements AtlasSource {
  readonly kind = "server";
  private readonly base: string;
  private snapshot = "";
  private columnTypes = new Map<string, string>();

  constructor(base: string) {
    this.base = base.replace(/\/$/, "");
  }

  async manifest(): Promise<Manifest> {
    const manifest = (await (await this.ask("")).json()) as Manifest;
    this.snapshot = manifest.snapshot;
    this.columnTypes = new Map(manifest.columns.map((column) => [column.name, column.type]));
    return manifest;
  }

  async points(projection: string): Promise<Float32Array> {
    return new Float32Array(await this.bytes(`/points/${encodeURIComponent(projection)}`));
  }

  async column(name: string): Promise<ColumnData> {
    const bytes = await this.bytes(`/columns/${encodeURIComponent(name)}`);
    return this.columnTypes.get(name) === "category" ? new Uint16Array(bytes) : new Float64Array(bytes);
  }

  async distortion(projection: string): Promise<Float32Array> {
    return new Float32Array(await this.bytes(`/distortion/${encodeURIComponent(projection)}`));
  }

  async labels(projection: string): Promise<LabelLevels> {
    return (await (await this.ask(`/labels/${encodeURIComponent(projection)}`)).json()) as LabelLevels;
  }

  async items(rows: readonly number[]): Promise<Item[]> {
    const items: Item[] = [];
    for (let begin = 0; begin < rows.length; begin += itemsPerCall) {
      const part = rows.slice(begin, begin + itemsPerCall).join(",");
      const answer = (await (await this.ask("/items", { rows: part })).json()) as { items: Item[] };
      items.push(...answer.items);
    }
    return items;
  }

  async ids(): Promise<string[]> {
    return ((await (await this.ask("/ids")).json()) as { ids: string[] }).ids;
  }

  async find(contains: string, limit: number): Promise<number[]> {
    return ((await this.post("/find", { contains, limit })) as { rows: number[] }).rows;
  }

  async neighbors(row: number, count: number, projection: string): Promise<Neighbors> {
    const parameters = { row: String(row), k: String(count), projection };
    return (await (await this.ask("/neighbors", parameters)).json()) as Neighbors;
  }

  async search(query: Query, count: number): Promise<SearchAnswer> {
    return (await this.post("/search", { ...query, k: count })) as SearchAnswer;
  }

  async createCollection(name: string, rows: Uint32Array): Promise<number> {
    return ((await this.post("/collections", { name, rows: Array.from(rows) })) as { count: number }).count;
  }

  async exportRows(format: ExportFormat, rows: Uint32Array | null): Promise<Blob> {
    if (!rows) return (await this.ask("/export", { format })).blob();
    const body = JSON.stringify({ format, rows: Array.from(rows) });
    return (await this.ask("/export", {}, { method: "POST", body, headers: jsonHeaders })).blob();
  }

  thumbnailUrl(row: number, sizePx: 64 | 256): string {
    return this.address(`/thumbnails/${row}`, { size: String(sizePx) });
  }

  spriteUrl(index: number): Promise<string> {
    return Promise.resolve(this.address(`/sprites/${index}`, { size: "32" }));
  }

  private address(path: string, parameters: Record<string, string>): string {
    const all = new URLSearchParams(parameters);
    if (this.snapshot) all.set("snapshot", this.snapshot);
    const query = all.toString();
    return `${this.base}${path}${query ? `?${query}` : ""}`;
  }

  private async bytes(path: string): Promise<ArrayBuffer> {
    return (await this.ask(path)).arrayBuffer();
  }

  private async post(path: string, body: unknown): Promise<unknown> {
    const request = { method: "POST", body: JSON.stringify(body), headers: jsonHeaders };
    return (await this.ask(path, {}, request)).json();
  }

  private async ask(path: string, parameters: Record<string, string> = {}, init?: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.address(path, parameters), init);
    } catch {
      throw new AtlasError("The server does not answer", "Look whether `asterism` still runs, then try again");
    }
    if (response.ok) return response;
    const body = (await response.json().catch(() => ({}))) as ErrorBody;
    if (response.status === 409 && path !== "/collections") {
      throw new AtlasError("The collection has changed since the map was opened", "Reload to see it as it is now", true);
    }
    throw new AtlasError(body.error ?? `The server answered ${response.status}`, body.hint ?? "");
  }
}

const jsonHeaders = { "content-type": "application/json" };
