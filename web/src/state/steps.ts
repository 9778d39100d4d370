// From one step of a series to another. A step of another version is another reading of the collection, with rows of
// its own: what the reader chose goes along by the items' ids, and what is shown, listed and searched is that version.

import type { Projection } from "../data/contract";
import { homeCamera } from "../map/camera";
import { carriedRows, rowsByIds } from "./alignment";
import { Dataset } from "./dataset";
import { filterEntries } from "./filters";
import { formatCount } from "./histogram";
import type { AtlasState, Results, Store } from "./store";

const asked = new WeakMap<Store, number>();

// Begins what only the last call may end: slow steps do not come in after later ones.
export function beginStep(store: Store): () => boolean {
  const number = (asked.get(store) ?? 0) + 1;
  asked.set(store, number);
  return () => asked.get(store) === number;
}

// Whether that map is of another version than what is shown.
export function isOfOtherVersion(dataset: Dataset, projection: Projection): boolean {
  return projection.series !== null && projection.version !== dataset.manifest.version;
}

function carriedResults(results: Results | null, to: Int32Array): Results | null {
  if (!results) return null;
  const kept = Array.from(results.rows.keys()).filter((place) => to[results.rows[place]] >= 0);
  return {
    ...results,
    rows: Uint32Array.from(kept, (place) => to[results.rows[place]]),
    scores: results.scores && Float32Array.from(kept, (place) => results.scores?.[place] ?? 0),
  };
}

async function columnsInUse(state: AtlasState, next: Dataset): Promise<AtlasState["columns"]> {
  const known = new Set(next.manifest.columns.filter(({ type }) => type !== "text").map(({ name }) => name));
  const names = new Set([...Object.keys(state.columns), ...filterEntries(state.filters).map(([name]) => name)]);
  const read = [...names].filter((name) => known.has(name)).map(async (name) => [name, await next.column(name)] as const);
  return Object.fromEntries(await Promise.all(read));
}

// Shows `projection` of its own version in the first pane. True where it stands; false where another step was asked
// meanwhile.
export async function showVersion(store: Store, projection: Projection, isLast: () => boolean): Promise<boolean> {
  const before = store.get().dataset;
  if (!before) return false;
  const next = await before.atVersion(projection.version);
  const [scene, ours, theirs, former] = await Promise.all([
    next.scene(projection.name),
    before.ids(),
    next.ids(),
    before.scene(store.get().panes[0].projection),
  ]);
  const columns = await columnsInUse(store.get(), next);
  if (!isLast() || store.get().dataset !== before) return false;
  const state = store.get();
  const toNext = rowsByIds(ours, theirs);
  const [pane, ...others] = state.panes;
  const sameSeries = former.name !== scene.name && former.bounds !== null && former.dim === scene.dim;
  const newCount = theirs.length - toNext.reduce((count, row) => count + (row >= 0 ? 1 : 0), 0);
  const goneCount = toNext.reduce((count, row) => count + (row < 0 ? 1 : 0), 0);
  store.set({
    dataset: next,
    panes: [{ ...pane, projection: projection.name, camera: sameSeries ? pane.camera : homeCamera }, ...others],
    columns,
    color: state.color.kind === "column" && !(state.color.name in columns) ? { kind: "plain" } : state.color,
    selection: carriedRows(state.selection, toNext),
    results: carriedResults(state.results, toNext),
    pinned: state.pinned >= 0 ? toNext[state.pinned] : -1,
    neighbors: null,
    hovered: -1,
    comparison: null,
    changed: next.manifest.stale,
    passage: { from: former, to: scene, rows: rowsByIds(theirs, ours) },
    notice: `${projection.series_label ?? projection.name}: ${formatCount(theirs.length)} items, ${formatCount(newCount)} new, ${formatCount(goneCount)} gone`,
  });
  return true;
}
