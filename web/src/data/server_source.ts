// The atlas of a running server. Every call but the first names the snapshot, so that rows mean the same items
// throughout; a server that no longer holds it answers 409.

import type { ExportFormat, Item, LabelLevels, Manifest, Neighbors, Query, SearchAnswer, SeriesStep } from "./contract";
import { keyHeaders } from "./server_key";
import { AtlasError, type AtlasSource, type ColumnData, type Work } from "./source";

interface ErrorBody {
  error?: { message?: string; hint?: string | null };
}

const itemsPerCall = 1000;
const waitMs = 500; // before a server that computes is asked again

export class ServerSource implements AtlasSource {
  readonly kind = "server";
  private readonly base: string;
  private readonly onWork: (work: Work | null) => void;
  private readonly version: string | null;
  private readonly pictures = new Map<string, Promise<string>>();
  private rowCount = 0;
  private snapshot = "";
  private columnTypes = new Map<string, string>();

  // `onWork` hears what the server computes while an answer waits for it, and null when it is done.
  constructor(base: string, onWork: (work: Work | null) => void = () => undefined, version: string | null = null) {
    this.base = base.replace(/\/$/, "");
    this.onWork = onWork;
    this.version = version;
  }

  at(version: string | null): ServerSource {
    return new ServerSource(this.base, this.onWork, version);
  }

  async layOutVersions(): Promise<SeriesStep[]> {
    const request = { method: "POST", body: "{}", headers: jsonHeaders };
    // Of all versions: not of the one that is shown, nor of its snapshot.
    return ((await (await this.take(`${this.base}/series`, request)).json()) as { steps: SeriesStep[] }).steps;
  }

  async hasChanged(): Promise<boolean> {
    return ((await (await this.ask("")).json()) as Manifest).stale;
  }

  async manifest(): Promise<Manifest> {
    const manifest = (await (await this.ask("")).json()) as Manifest;
    this.snapshot = manifest.snapshot;
    this.rowCount = manifest.row_count;
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
    return idsOf(await this.bytes("/ids"), this.rowCount);
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

  thumbnail(row: number, sizePx: 64 | 256): Promise<string> {
    return this.picture(`/thumbnails/${row}`, sizePx);
  }

  sprite(index: number): Promise<string> {
    return this.picture(`/sprites/${index}`, 32);
  }

  // A browser sends no key with a picture's address: where one is needed the page fetches it itself.
  private picture(path: string, sizePx: number): Promise<string> {
    const address = this.address(path, { size: String(sizePx) });
    if (!keyHeaders().authorization) return Promise.resolve(address);
    let held = this.pictures.get(address);
    if (!held) {
      held = this.ask(path, { size: String(sizePx) }).then(async (answer) => URL.createObjectURL(await answer.blob()));
      this.pictures.set(address, held);
    }
    return held;
  }

  private address(path: string, parameters: Record<string, string>): string {
    const all = new URLSearchParams(parameters);
    if (this.snapshot) all.set("snapshot", this.snapshot);
    if (this.version !== null) all.set("version", this.version);
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

  // 202 says that the answer is being worked out: asked again until it is there.
  private async fetchDone(address: string, init: RequestInit): Promise<Response> {
    let waited = false;
    for (;;) {
      const response = await fetchFromServer(address, init);
      if (response.status !== 202) {
        if (waited) this.onWork(null);
        return response;
      }
      waited = true;
      this.onWork((await response.json()) as Work);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  private async ask(path: string, parameters: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> {
    return this.take(this.address(path, parameters), init);
  }

  private async take(address: string, init: RequestInit): Promise<Response> {
    const response = await this.fetchDone(address, init);
    if (response.ok) return response;
    if (response.status === 401 || response.status === 403) {
      throw new AtlasError("The server asks for a key", "It was started with API keys", { needsKey: true });
    }
    const body = (await response.json().catch(() => ({}))) as ErrorBody;
    if (response.status === 409 && !address.startsWith(`${this.base}/collections`)) {
      throw new AtlasError("The collection has changed since the map was opened", "Reload to see it as it is now", { stale: true });
    }
    throw new AtlasError(body.error?.message ?? `The server answered ${response.status}`, body.error?.hint ?? "");
  }
}

// Where each id begins, and the end, as uint32 [rowCount + 1]; then all ids one after the other.
export function idsOf(answer: ArrayBuffer, rowCount: number): string[] {
  const begins = new Uint32Array(answer, 0, rowCount + 1);
  const bytes = new Uint8Array(answer, begins.byteLength);
  const decoder = new TextDecoder();
  const text = decoder.decode(bytes);
  const isAscii = text.length === bytes.length;
  const idAt = (row: number): string =>
    isAscii ? text.slice(begins[row], begins[row + 1]) : decoder.decode(bytes.subarray(begins[row], begins[row + 1]));
  return Array.from({ length: rowCount }, (_, row) => idAt(row));
}

export async function fetchFromServer(address: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...(init.headers as Record<string, string> | undefined), ...keyHeaders() };
  try {
    return await fetch(address, Object.keys(headers).length > 0 ? { ...init, headers } : init);
  } catch {
    throw new AtlasError("The server does not answer", "Look whether `asterism` still runs, then try again");
  }
}

const jsonHeaders = { "content-type": "application/json" };
