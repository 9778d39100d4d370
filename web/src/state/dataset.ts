// A collection as the page holds it: the source with what was read of it already. Everything is asked for once.

import type { Item, LabelLevels, Manifest } from "../data/contract";
import type { AtlasSource, ColumnData } from "../data/source";
import { makeScene, type Scene } from "../map/scene";
import { SpatialGrid } from "../map/spatial_grid";

const itemsMax = 20_000;

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

  constructor(source: AtlasSource, manifest: Manifest) {
    this.source = source;
    this.manifest = manifest;
  }

  static async open(source: AtlasSource): Promise<Dataset> {
    return new Dataset(source, await source.manifest());
  }

  scene(name: string): Promise<Scene> {
    return remembered(this.scenes, name, async () => {
      const projection = this.manifest.projections.find((candidate) => candidate.name === name);
      return makeScene(name, await this.source.points(name), projection?.dim ?? 2);
    });
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
    return remembered(this.columns, name, () => this.source.column(name));
  }

  distortion(projection: string): Promise<Float32Array> {
    return remembered(this.distortions, projection, () => this.source.distortion(projection));
  }

  // A server measures a map when its distortion is first asked for; then its manifest knows how good the map is.
  async measured(projection: string): Promise<Dataset> {
    const data = await this.distortion(projection);
    const next = new Dataset(this.source, await this.source.manifest());
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
