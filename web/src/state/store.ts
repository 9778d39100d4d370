// The state of the page in one place: small, replaced and never changed in place; large arrays stand in it by reference.

import { createContext, useContext, useSyncExternalStore } from "react";
import type { Neighbors } from "../data/contract";
import { type Camera, homeCamera } from "../map/camera";
import type { CollectionEntry } from "../data/collection_list";
import type { Work } from "../data/source";
import type { Passage } from "../map/scene";
import type { Dataset } from "./dataset";
import type { Columns, Filters } from "./filters";

export type ColorChoice = { kind: "plain" } | { kind: "column"; name: string } | { kind: "trust" } | { kind: "continuity" };
export type Tool = "pan" | "box" | "lasso";
export type Theme = "auto" | "light" | "dark";
export type SearchMode = "meaning" | "contains" | "arithmetic";

export interface Pane {
  projection: string;
  camera: Camera;
  other: boolean; // shows the collection to compare with
}

// Another collection of the same items: its row for each of ours, -1 where it has none, and the other way.
export interface Comparison {
  dataset: Dataset;
  toOther: Int32Array;
  toOurs: Int32Array;
}

export interface Results {
  query: string;
  rows: Uint32Array; // best first
  scores: Float32Array | null;
  tookMs: number;
}

export interface Problem {
  title: string;
  message: string;
  stale: boolean;
  needsKey: boolean;
}

export interface AtlasState {
  dataset: Dataset | null;
  comparison: Comparison | null;
  passage: Passage | null; // the last one from step to step
  problem: Problem | null; // nothing can be shown
  changed: boolean; // the collection was written to since it was opened
  work: Work | null; // that the server does first
  collections: readonly CollectionEntry[] | null; // to choose from, where the page shows none yet
  notice: string; // spoken and shown for a while
  panes: readonly Pane[];
  color: ColorChoice;
  columns: Columns; // read so far
  filters: Filters;
  selection: Uint32Array; // ascending; empty: nothing is selected
  results: Results | null;
  searchMode: SearchMode;
  query: string;
  pinned: number; // -1: none
  neighbors: Neighbors | null; // of the pinned row
  hovered: number;
  tool: Tool;
  theme: Theme;
  dark: boolean;
  contours: boolean;
  labels: boolean;
  pictures: boolean;
  falseNeighbors: boolean;
  table: boolean;
}

export const initialState: AtlasState = {
  dataset: null,
  comparison: null,
  passage: null,
  problem: null,
  changed: false,
  work: null,
  collections: null,
  notice: "",
  panes: [],
  color: { kind: "plain" },
  columns: {},
  filters: {},
  selection: new Uint32Array(0),
  results: null,
  searchMode: "meaning",
  query: "",
  pinned: -1,
  neighbors: null,
  hovered: -1,
  tool: "pan",
  theme: "auto",
  dark: false,
  contours: false,
  labels: true,
  pictures: true,
  falseNeighbors: true,
  table: false,
};

export class Store {
  private state: AtlasState;
  private readonly listeners = new Set<() => void>();

  constructor(state: AtlasState = initialState) {
    this.state = state;
  }

  get = (): AtlasState => this.state;

  set = (change: Partial<AtlasState>): void => {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  };

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  setCamera(place: number, camera: Camera): void {
    this.set({ panes: this.state.panes.map((pane, at) => (at === place ? { ...pane, camera } : pane)) });
  }
}

export const newPane = (projection: string, other = false): Pane => ({ projection, camera: homeCamera, other });

export const StoreContext = createContext<Store | null>(null);

export function useStore(): Store {
  const store = useContext(StoreContext);
  if (!store) throw new Error("no store around this component");
  return store;
}

export function useAtlas<T>(select: (state: AtlasState) => T): T {
  const store = useStore();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
