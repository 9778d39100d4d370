// What the reader does, as changes of the state. Each reports its own failure as a notice and leaves the rest alone.

import type { ExportFormat, Projection, Query } from "../data/contract";
import { listCollections } from "../data/collection_list";
import { ServerSource } from "../data/server_source";
import { type AtlasSource, messageOf, AtlasError } from "../data/source";
import { homeCamera } from "../map/camera";
import { rowsByIds } from "./alignment";
import { Dataset } from "./dataset";
import { type Filter, withFilter } from "./filters";
import { formatCount } from "./histogram";
import { type ColorChoice, newPane, type SearchMode, type Store } from "./store";
import { beginStep, isOfOtherVersion, showVersion } from "./steps";
import { decodeView, versionOf } from "./view_link";

const resultCount = 100;
const findLimit = 10_000;
const neighborCount = 15;

// Says what failed; a snapshot that is gone takes the map away and offers a new one.
export function report(store: Store, problem: unknown): void {
  if (problem instanceof AtlasError && problem.stale) {
    store.set({ problem: { title: problem.message, message: problem.hint, stale: true, needsKey: false } });
  } else store.set({ notice: messageOf(problem) });
}

function refuse(store: Store, title: string, problem: unknown): void {
  const needsKey = problem instanceof AtlasError && problem.needsKey;
  store.set({ problem: { title: needsKey ? problem.message : title, message: messageOf(problem), stale: false, needsKey } });
}

export async function openList(store: Store, base: string): Promise<void> {
  try {
    store.set({ collections: await listCollections(base) });
  } catch (problem) {
    refuse(store, "The collections could not be listed", problem);
  }
}

export async function openSource(store: Store, source: AtlasSource, hash = ""): Promise<void> {
  store.set({ problem: null });
  try {
    const version = versionOf(hash);
    const dataset = await Dataset.open(version === undefined ? source : source.at(version));
    if (dataset.manifest.projections.length === 0) {
      const { collection } = dataset.manifest;
      const message = `Make one with: asterism reduce ${collection} --method umap --dim 2`;
      const title = `The collection '${collection}' has no map yet`;
      store.set({ problem: { title, message, stale: false, needsKey: false } });
      return;
    }
    const { otherCollection, ...view } = decodeView(hash, dataset);
    const first = dataset.manifest.projections.find(({ name }) => name === view.panes?.[0]?.projection);
    if (first && version === undefined && isOfOtherVersion(dataset, first)) {
      const link = new URLSearchParams(hash.replace(/^#/, ""));
      link.set("v", first.version ?? "");
      await openSource(store, source, link.toString());
      return;
    }
    const searchMode = dataset.manifest.search.text ? (view.searchMode ?? "meaning") : "contains";
    store.set({ ...view, searchMode, dataset, comparison: null, changed: dataset.manifest.stale, passage: null, results: null, neighbors: null, columns: {} });
    document.title = `${dataset.manifest.collection} · Asterism atlas`;
    if (view.color) void colorBy(store, view.color);
    for (const name of Object.keys(view.filters ?? {})) void needColumn(store, name);
    if (view.pinned !== undefined && view.pinned >= 0) void pin(store, view.pinned);
    if (view.query) void search(store, view.query);
    if (otherCollection) void compareWith(store, otherCollection);
  } catch (problem) {
    refuse(store, "The map could not be opened", problem);
  }
}

// Asked now and then: whoever looks at a map is told when the collection is another one.
export async function noticeChange(store: Store): Promise<void> {
  const { dataset, changed } = store.get();
  if (!dataset || changed) return;
  try {
    const now = await dataset.source.hasChanged();
    if (now && store.get().dataset === dataset) store.set({ changed: true, notice: "The collection was written to since the map was opened" });
  } catch {
    // A server that is away says so when it is asked for something.
  }
}

export async function needColumn(store: Store, name: string): Promise<void> {
  const { dataset, columns } = store.get();
  if (!dataset || name in columns) return;
  try {
    const data = await dataset.column(name);
    if (store.get().dataset === dataset) store.set({ columns: { ...store.get().columns, [name]: data } });
  } catch (problem) {
    report(store, problem);
  }
}

export async function colorBy(store: Store, color: ColorChoice): Promise<void> {
  store.set({ color });
  if (color.kind === "column") await needColumn(store, color.name);
}

export function setFilter(store: Store, name: string, filter: Filter | null): void {
  store.set({ filters: withFilter(store.get().filters, name, filter) });
  void needColumn(store, name);
}

export function select(store: Store, rows: Uint32Array): void {
  const notice = rows.length === 0 ? "Selection cleared" : `${formatCount(rows.length)} items selected`;
  store.set({ selection: rows, notice, table: rows.length > 0 && store.get().table });
}

export async function pin(store: Store, row: number): Promise<void> {
  store.set({ pinned: row, neighbors: null });
  const { dataset, panes } = store.get();
  if (!dataset || row < 0) return;
  try {
    const projection = panes[0].projection;
    const [neighbors] = await Promise.all([dataset.source.neighbors(row, neighborCount, projection), dataset.readItems([row])]);
    await dataset.readItems([...neighbors.neighbors, ...neighbors.map_neighbors].map((neighbor) => neighbor.row));
    if (store.get().pinned === row) store.set({ neighbors });
  } catch (problem) {
    report(store, problem);
  }
}

function queryOf(text: string, mode: SearchMode): Query {
  return mode === "arithmetic" ? { expression: text } : { text };
}

export async function search(store: Store, text: string): Promise<void> {
  const { dataset, searchMode } = store.get();
  const query = text.trim();
  store.set({ query });
  if (!dataset) return;
  if (!query) {
    store.set({ results: null });
    return;
  }
  try {
    const started = performance.now();
    if (searchMode === "contains") {
      const rows = Uint32Array.from(await dataset.source.find(query, findLimit));
      showResults(store, query, rows, null, performance.now() - started);
    } else await searchVector(store, query, queryOf(query, searchMode));
  } catch (problem) {
    report(store, problem);
  }
}

async function searchVector(store: Store, name: string, query: Query): Promise<void> {
  const { dataset } = store.get();
  if (!dataset) return;
  const started = performance.now();
  const { results } = await dataset.source.search(query, resultCount);
  const rows = Uint32Array.from(results, ({ row }) => row);
  showResults(store, name, rows, Float32Array.from(results, ({ score }) => score), performance.now() - started);
}

function showResults(store: Store, query: string, rows: Uint32Array, scores: Float32Array | null, tookMs: number): void {
  const notice = rows.length === 0 ? `Nothing found for “${query}”` : `${formatCount(rows.length)} items found`;
  store.set({ results: { query, rows, scores, tookMs }, notice });
}

export async function searchLikeRow(store: Store, row: number, id: string): Promise<void> {
  try {
    await searchVector(store, `like ${id}`, { row });
  } catch (problem) {
    report(store, problem);
  }
}

export async function searchPicture(store: Store, file: File): Promise<void> {
  if (!store.get().dataset?.manifest.search.image) {
    report(store, new AtlasError("This collection cannot be searched by a picture", "Its model reads text only"));
    return;
  }
  try {
    const image = await new Promise<string>((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result as string);
      reader.onerror = () => reject(new AtlasError(`The file ${file.name} cannot be read`));
      reader.readAsDataURL(file);
    });
    await searchVector(store, file.name, { image });
  } catch (problem) {
    report(store, problem);
  }
}

// All that stands out, one after the other: what Escape takes away.
export function dismiss(store: Store): void {
  const state = store.get();
  if (state.pinned >= 0) store.set({ pinned: -1, neighbors: null });
  else if (state.results) store.set({ results: null, query: "" });
  else if (state.selection.length > 0) select(store, new Uint32Array(0));
  else if (state.tool !== "pan") store.set({ tool: "pan" });
}

export function showProjection(store: Store, place: number, projection: string): void {
  const { panes, dataset, comparison, pinned } = store.get();
  const shown = panes[place].other ? comparison?.dataset : dataset;
  const isLast = beginStep(store);
  const wanted = shown?.manifest.projections.find(({ name }) => name === projection);
  // Beside another map the rows stay those of the version that both show.
  if (shown && wanted && panes.length === 1 && isOfOtherVersion(shown, wanted)) {
    void showStep(store, wanted, isLast);
    return;
  }
  const before = shown?.manifest.projections.find(({ name }) => name === panes[place].projection);
  const after = shown?.manifest.projections.find(({ name }) => name === projection);
  // Steps of one series keep the view: they are compared.
  const same = before?.dim === after?.dim && before?.series != null && before.series === after?.series;
  const camera = same ? panes[place].camera : homeCamera;
  store.set({ panes: panes.map((pane, at) => (at === place ? { ...pane, projection, camera } : pane)) });
  if (place === 0 && pinned >= 0) void pin(store, pinned);
}

// What was pinned and found is asked anew: each version has vectors of its own.
async function showStep(store: Store, step: Projection, isLast: () => boolean): Promise<void> {
  try {
    if (!(await showVersion(store, step, isLast))) return;
    const { pinned, results, query } = store.get();
    if (pinned >= 0) void pin(store, pinned);
    if (results && query && results.query === query) {
      const { notice } = store.get();
      await search(store, query);
      store.set({ notice: `${notice}; ${store.get().notice}` });
    }
  } catch (problem) {
    report(store, problem);
  }
}

// All named versions become steps of a series, of which the last is shown.
export async function layOutVersions(store: Store): Promise<void> {
  const { dataset } = store.get();
  if (!dataset) return;
  try {
    const steps = await dataset.source.layOutVersions();
    const last = steps.at(-1);
    if (last) await openSource(store, dataset.source.at(last.version), `#${new URLSearchParams({ p: last.projection })}`);
  } catch (problem) {
    report(store, problem);
  }
}

export function splitView(store: Store, on: boolean): void {
  const { panes, dataset } = store.get();
  if (!on || !dataset) {
    store.set({ panes: panes.slice(0, 1), comparison: null });
    return;
  }
  const names = dataset.manifest.projections.map(({ name }) => name);
  const second = names.find((name) => name !== panes[0].projection) ?? panes[0].projection;
  store.set({ panes: [panes[0], newPane(second)] });
}

// How far the map of a pane can be believed, where that was not measured yet.
export async function measureMap(store: Store, projection: string): Promise<void> {
  const { dataset } = store.get();
  if (!dataset) return;
  try {
    const measured = await dataset.measured(projection);
    const sameRows = measured.manifest.snapshot === dataset.manifest.snapshot;
    if (!sameRows) throw new AtlasError("The collection has changed since the map was opened", "Reload to see it as it is now", { stale: true });
    if (store.get().dataset === dataset) store.set({ dataset: measured });
  } catch (problem) {
    report(store, problem);
  }
}

// The same items in another collection, by their ids.
export async function compareWith(store: Store, name: string): Promise<void> {
  const { dataset, panes } = store.get();
  if (!dataset) return;
  try {
    const other = await Dataset.open(new ServerSource(`/v1/collections/${encodeURIComponent(name)}/atlas`, (work) => store.set({ work })));
    const projection = other.manifest.projections.at(0);
    if (!projection) throw new AtlasError(`The collection '${name}' has no map yet`, "Make one with `asterism reduce`");
    const [ours, theirs] = await Promise.all([dataset.ids(), other.ids()]);
    const toOther = rowsByIds(ours, theirs);
    const toOurs = rowsByIds(theirs, ours);
    const shared = toOther.reduce((count, there) => count + (there >= 0 ? 1 : 0), 0);
    store.set({
      comparison: { dataset: other, toOther, toOurs },
      panes: [panes[0], newPane(projection.name, true)],
      notice: `${formatCount(shared)} of ${formatCount(ours.length)} items are in '${name}' too`,
    });
  } catch (problem) {
    report(store, problem);
  }
}

export async function createCollection(store: Store, name: string, rows: Uint32Array): Promise<boolean> {
  try {
    const count = await store.get().dataset?.source.createCollection(name, rows);
    store.set({ notice: `Collection '${name}' made with ${formatCount(count ?? 0)} items` });
    return true;
  } catch (problem) {
    report(store, problem);
    return false;
  }
}

const fileEndings: Record<ExportFormat, string> = { csv: "csv", parquet: "parquet", projector: "zip" };

export async function exportRows(store: Store, format: ExportFormat, rows: Uint32Array | null): Promise<void> {
  const { dataset } = store.get();
  if (!dataset) return;
  try {
    download(await dataset.source.exportRows(format, rows), `${dataset.manifest.collection}.${fileEndings[format]}`);
  } catch (problem) {
    report(store, problem);
  }
}

export function download(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
