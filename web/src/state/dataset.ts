// A collection as the page holds it: the source with what was read of it already. Everything is asked for once.

import type { Item, LabelLevels, Manifest } from "../data/contract";
import type { AtlasSource, ColumnData } from "../data/source";
import { makeScene, type Scene } from "../map/scene";
import { SpatialGrid } from "../map/spatial_grid";
import { aligned, alignedData, type Alignment } from "./alignment";

const itemsMax = 20_000;
const versionRowsMax = 2_000_000; // of all versions that are held at once

function remembered<T>(cache: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  let answer = cache.get(name);
  if (!answer) {
    answer = make();
    cache.set(name, answer);
    // A failure is not kept: the next try asks again.
    answer.catch(() => cache.delete(name));
  }
  return answer;
}

export class Dataset {
  readonly source: AtlasSource;
  readonly manifest: Manifest;
  private readonly scenes = new Map<string, Promise<Scene>>();
  private readonly columns = new Map<string, Promise<ColumnData>>();
  private readonly distortions = new Map<string, Promise<Float32Array>>();
  private readonly labelLevels = new Map<string, Promise<LabelLevels>>();
  private readonly grids = new WeakMap<Scene, SpatialGrid>();
  private readonly items = new Map<number, Item>();
  private readonly known = new Map<string, Scene>(); // scenes that were read
  private allIds: Promise<string[]> | null = null;
  private codes: Alignment["codes"] = new Map();
  // Of the same collection, the most recently used last; shared by all of them.
  private versions = new Map<string | null, Promise<Dataset>>();

  constructor(source: AtlasSource, manifest: Manifest) {
    this.source = source;
    this.manifest = manifest;
    this.versions.set(manifest.version, Promise.resolve(this));
  }

  static async open(source: AtlasSource): Promise<Dataset> {
    return new Dataset(source, await source.manifest());
  }

  scene(name: string): Promise<Scene> {
    return remembered(this.scenes, name, async () => {
      const projection = this.manifest.projections.find((candidate) => candidate.name === name);
      const scene = makeScene(name, await this.source.points(name), projection?.dim ?? 2, projection?.series_bounds ?? null);
      this.known.set(name, scene);
      return scene;
    });
  }

  // Where it was read already: a map that changes its collection does not go blank.
  knownScene(name: string): Scene | null {
    return this.known.get(name) ?? null;
  }

  ids(): Promise<string[]> {
    this.allIds ??= this.source.ids().catch((problem: unknown) => {
      this.allIds = null;
      throw problem;
    });
    return this.allIds;
  }

  // The collection at another version, told in the words of this one (alignment.ts).
  async atVersion(version: string | null): Promise<Dataset> {
    let opened = this.versions.get(version);
    if (!opened) {
      opened = this.openVersion(version);
      opened.catch(() => this.versions.delete(version));
    }
    this.versions.delete(version);
    this.versions.set(version, opened);
    const dataset = await opened;
    await this.forgetVersions();
    return dataset;
  }

  private async openVersion(version: string | null): Promise<Dataset> {
    const source = this.source.at(version);
    const { manifest, codes } = aligned(await source.manifest(), this.manifest);
    const dataset = new Dataset(source, manifest);
    dataset.codes = codes;
    dataset.versions = this.versions;
    return dataset;
  }

  private async forgetVersions(): Promise<void> {
    let rows = 0;
    for (const [version, opened] of [...this.versions].reverse()) {
      const held = await opened.catch(() => null);
      rows += held?.manifest.row_count ?? 0;
      if (rows > versionRowsMax && held !== this && version !== [...this.versions.keys()].at(-1)) this.versions.delete(version);
    }
  }

  // Made when first asked for: the first picture does not wait for it.
  grid(scene: Scene): SpatialGrid {
    let grid = this.grids.get(scene);
    if (!grid) {
      grid = new SpatialGrid(scene);
      this.grids.set(scene, grid);
    }
    return grid;
  }

  column(name: string): Promise<ColumnData> {
    return remembered(this.columns, name, async () => alignedData(await this.source.column(name), this.codes.get(name)));
  }

  distortion(projection: string): Promise<Float32Array> {
    return remembered(this.distortions, projection, () => this.source.distortion(projection));
  }

  // A server measures a map when its distortion is first asked for; then its manifest knows how good the map is.
  async measured(projection: string): Promise<Dataset> {
    const data = await this.distortion(projection);
    const manifest = await this.source.manifest();
    const next = new Dataset(this.source, this.codes.size > 0 ? aligned(manifest, this.manifest).manifest : manifest);
    next.codes = this.codes;
    next.versions = this.versions;
    next.versions.set(manifest.version, Promise.resolve(next));
    for (const [name, scene] of this.known) next.known.set(name, scene);
    next.distortions.set(projection, Promise.resolve(data));
    for (const [name, scene] of this.scenes) next.scenes.set(name, scene);
    for (const [name, column] of this.columns) next.columns.set(name, column);
    for (const [name, levels] of this.labelLevels) next.labelLevels.set(name, levels);
    for (const [row, item] of this.items) next.items.set(row, item);
    return next;
  }

  labels(projection: string): Promise<LabelLevels> {
    return remembered(this.labelLevels, projection, () => this.source.labels(projection));
  }

  knownItem(row: number): Item | undefined {
    return this.items.get(row);
  }

  async readItems(rows: readonly number[]): Promise<Item[]> {
    const unknown = rows.filter((row) => !this.items.has(row));
    if (unknown.length > 0) {
      if (this.items.size > itemsMax) this.items.clear();
      for (const item of await this.source.items(unknown)) this.items.set(item.row, item);
    }
    return rows.flatMap((row) => this.items.get(row) ?? []);
  }
}
