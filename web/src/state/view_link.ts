// The view in the address, so that a link shows what the reader saw:
// #p=umap&c=label&x=0.1&y=-0.2&z=4&sel=...&q=...; a second map as p2, x2, y2, z2; p2 of another collection as o2.

import type { Dataset } from "./dataset";
import { type Filter, filterEntries, type Filters } from "./filters";
import { decodeRows, encodeRows } from "./row_runs";
import { type AtlasState, type ColorChoice, newPane, type Pane, type SearchMode } from "./store";

const round = (value: number): string => String(Math.round(value * 1e5) / 1e5);
const searchModes: readonly string[] = ["meaning", "contains", "arithmetic"];

export function encodeView(state: AtlasState): string {
  const link = new URLSearchParams();
  state.panes.forEach((pane, place) => {
    const suffix = place === 0 ? "" : String(place + 1);
    link.set(`p${suffix}`, pane.projection);
    link.set(`x${suffix}`, round(pane.camera.x));
    link.set(`y${suffix}`, round(pane.camera.y));
    link.set(`z${suffix}`, round(pane.camera.zoom));
    link.set(`r${suffix}`, `${round(pane.camera.yaw)},${round(pane.camera.pitch)}`);
  });
  const version = state.dataset?.manifest.version ?? null;
  if (version !== null) link.set("v", version);
  if (state.comparison) link.set("with", state.comparison.dataset.manifest.collection);
  if (state.color.kind !== "plain") link.set("c", state.color.kind === "column" ? state.color.name : `~${state.color.kind}`);
  const rows = state.selection.length > 0 ? encodeRows(state.selection) : null;
  if (rows) link.set("sel", rows);
  if (state.pinned >= 0) link.set("pin", String(state.pinned));
  if (state.results && state.query) {
    link.set("q", state.query);
    link.set("m", state.searchMode);
  }
  for (const [name, filter] of filterEntries(state.filters)) link.append("f", encodeFilter(name, filter));
  if (state.theme !== "auto") link.set("t", state.theme);
  if (state.contours) link.set("d", "1");
  if (!state.labels) link.set("l", "0");
  return link.toString();
}

// The named version that a link is of; null: the collection as it is now; undefined: the link does not say.
export function versionOf(hash: string): string | null | undefined {
  const version = new URLSearchParams(hash.replace(/^#/, "")).get("v");
  return version === null ? undefined : version || null;
}

function encodeFilter(name: string, filter: Filter): string {
  const rest = filter.kind === "values" ? `v${[...filter.hidden].join(".")}` : `r${filter.min}..${filter.max}`;
  return `${encodeURIComponent(name)}:${rest}`;
}

function decodeFilters(texts: readonly string[]): Filters {
  const filters: Record<string, Filter> = {};
  for (const text of texts) {
    const match = /^([^:]+):(v([\d.]+)|r(.+)\.\.(.+))$/.exec(text);
    if (!match) continue;
    const name = decodeURIComponent(match[1]);
    if (match[3]) filters[name] = { kind: "values", hidden: new Set(match[3].split(".").map(Number)) };
    else if (Number.isFinite(+match[4]) && Number.isFinite(+match[5])) {
      filters[name] = { kind: "range", min: +match[4], max: +match[5] };
    }
  }
  return filters;
}

// What a link says, as far as the collection still has it.
export function decodeView(hash: string, dataset: Dataset): Partial<AtlasState> & { otherCollection: string | null } {
  const link = new URLSearchParams(hash.replace(/^#/, ""));
  const { projections, columns, row_count: rowCount } = dataset.manifest;
  const panes: Pane[] = [];
  for (const suffix of ["", "2"]) {
    const wanted = link.get(`p${suffix}`);
    const known = projections.find((projection) => projection.name === wanted) ?? (suffix ? undefined : projections.at(0));
    if (known) panes.push(decodePane(link, suffix, known.name));
  }
  const change: Partial<AtlasState> = { panes, filters: decodeFilters(link.getAll("f")) };
  change.color = decodeColor(link.get("c"), columns.filter(({ type }) => type !== "text").map(({ name }) => name));
  change.selection = decodeRows(link.get("sel") ?? "", rowCount);
  const pinned = Number(link.get("pin") ?? -1);
  change.pinned = Number.isInteger(pinned) && pinned < rowCount ? pinned : -1;
  change.query = link.get("q") ?? "";
  const mode = link.get("m") ?? "";
  if (searchModes.includes(mode)) change.searchMode = mode as SearchMode;
  const theme = link.get("t");
  if (theme === "light" || theme === "dark") change.theme = theme;
  change.contours = link.get("d") === "1";
  change.labels = link.get("l") !== "0";
  return { ...change, otherCollection: link.get("with") };
}

function decodePane(link: URLSearchParams, suffix: string, projection: string): Pane {
  const pane = newPane(projection);
  const [yaw, pitch] = (link.get(`r${suffix}`) ?? "-").split(",").map(Number);
  const numberOr = (text: string | null, otherwise: number): number => {
    const value = text === null ? Number.NaN : Number(text);
    return Number.isFinite(value) ? value : otherwise;
  };
  return {
    ...pane,
    camera: {
      x: numberOr(link.get(`x${suffix}`), pane.camera.x),
      y: numberOr(link.get(`y${suffix}`), pane.camera.y),
      zoom: Math.max(0.01, numberOr(link.get(`z${suffix}`), pane.camera.zoom)),
      yaw: Number.isFinite(yaw) ? yaw : pane.camera.yaw,
      pitch: Number.isFinite(pitch) ? pitch : pane.camera.pitch,
    },
  };
}

function decodeColor(text: string | null, names: readonly string[]): ColorChoice {
  if (text === "~trust") return { kind: "trust" };
  if (text === "~continuity") return { kind: "continuity" };
  const name = text ?? names.at(0);
  return name !== undefined && names.includes(name) ? { kind: "column", name } : { kind: "plain" };
}
