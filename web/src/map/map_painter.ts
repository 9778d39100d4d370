// One map on its two canvases: points below, everything else above; where the points are pixels of our own too, all is
// drawn into theirs, so that a browser without a graphics card takes over one picture a frame. Holds what a frame needs
// and draws when asked, at most once an animation frame. React sets its inputs; it knows nothing of React.

import type { LabelLevels, Neighbors } from "../data/contract";
import { matrixOf, perspectiveOf, type Camera, type Covered, type Viewport } from "./camera";
import type { Contour } from "./density";
import { placeRegionPictures } from "./label_placement";
import { chooseLayer, type LayerKind } from "./layer_choice";
import { drawOverlay, inkColor, paperColor, type OverlayInput } from "./overlay";
import type { PointLayer } from "./point_layer";
import { pointOpacity, pointSize } from "./point_style";
import { hideUnplaced, type RowColors } from "./row_colors";
import type { Passage, Scene } from "./scene";
import type { Polygon } from "./shapes";
import type { SpatialGrid } from "./spatial_grid";
import { type PlacedPicture, placePictures, type ThumbnailCache } from "./thumbnails";

export interface MapInputs {
  scene: Scene | null;
  colors: RowColors | null;
  camera: Camera;
  dark: boolean;
  contours: readonly Contour[];
  labels: LabelLevels | null;
  thumbnails: ThumbnailCache | null;
  nearPictures: boolean; // where few points are in view, their pictures in place of them
  grid: SpatialGrid | null;
  pinned: number;
  hovered: number;
  passage: Passage | null; // between two readings of the collection
  neighbors: Neighbors | null;
  falseNeighbors: boolean;
}

// Points on their way: where each comes from, and those that were nowhere before, which come up where they are.
interface Morph {
  from: Float32Array;
  fresh: Uint32Array;
  startMs: number;
}

const morphMs = 380;
const morphRowsMax = 300_000;
const brightAlpha = 128; // what a search or a selection leaves bright lies above

const shadeOf = (css: string): [number, number, number] =>
  [1, 3, 5].map((place) => Number.parseInt(css.slice(place, place + 2), 16) / 255) as [number, number, number];

function startOf({ from, to, rows }: Passage): { from: Float32Array; fresh: Uint32Array } {
  const { dim } = to;
  const start = to.positions.slice();
  const fresh: number[] = [];
  rows.forEach((former, row) => {
    if (former < 0 || !from.placed[former]) fresh.push(row);
    else for (let axis = 0; axis < dim; axis++) start[row * dim + axis] = from.positions[former * dim + axis];
  });
  return { from: start, fresh: Uint32Array.from(fresh) };
}

export class MapPainter {
  readonly layerKind: LayerKind;
  view: Viewport = { width: 1, height: 1 };
  pictures: readonly PlacedPicture[] = []; // drawn in the last frame
  private readonly layer: PointLayer;
  private readonly points: HTMLCanvasElement;
  private readonly overlay: HTMLCanvasElement;
  private inputs: MapInputs | null = null;
  private outline: Polygon = [];
  private request = 0;
  private pixelRatio = 1;
  private isMerged = false; // all in the points' canvas
  private drawnCount = 0;
  private morph: Morph | null = null;

  // null where the browser has no canvas at all.
  static create(points: HTMLCanvasElement, overlay: HTMLCanvasElement, wanted: string | null): MapPainter | null {
    let painter: MapPainter | null = null;
    const chosen = chooseLayer(points, wanted, () => painter?.ask());
    if (!chosen) return null;
    painter = new MapPainter(points, overlay, chosen.layer, chosen.kind);
    return painter;
  }

  private constructor(points: HTMLCanvasElement, overlay: HTMLCanvasElement, layer: PointLayer, layerKind: LayerKind) {
    this.points = points;
    this.overlay = overlay;
    this.layer = layer;
    this.layerKind = layerKind;
  }

  update(inputs: MapInputs): void {
    const before = this.inputs;
    this.inputs = inputs;
    const { scene, colors } = inputs;
    if (scene && scene !== before?.scene) {
      this.startMorph(before?.scene ?? null, scene, inputs.passage);
      if (!this.morph) this.layer.setPositions(scene.positions, scene.dim);
      this.fitPixels();
    }
    if (scene && colors && (colors !== before?.colors || scene !== before.scene)) {
      hideUnplaced(colors.colors, scene);
      this.layer.setColors(colors.colors);
      this.layer.setLit(colors.lit);
    }
    this.ask();
  }

  // Between two maps the points wander, so that the eye can follow them.
  private startMorph(from: Scene | null, to: Scene, passage: Passage | null): void {
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.morph = null;
    if (!from || calm || from.dim !== to.dim || to.rowCount > morphRowsMax) return;
    const startMs = performance.now();
    if (passage?.from === from && passage.to === to) this.morph = { ...startOf(passage), startMs };
    else if (from.rowCount === to.rowCount) this.morph = { from: from.positions, fresh: new Uint32Array(0), startMs };
  }

  setOutline(outline: Polygon): void {
    this.outline = outline;
    this.ask();
  }

  setCovered(covered: readonly Covered[]): void {
    this.view = { ...this.view, covered };
  }

  resize(width: number, height: number): void {
    this.view = { ...this.view, width: Math.max(1, width), height: Math.max(1, height) };
    this.fitPixels();
    this.ask();
  }

  private fitPixels(): void {
    const { width, height } = this.view;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    // Where the processor draws, many points are drawn at the pixels of CSS.
    const heavy = this.layerKind === "raster" && (this.inputs?.scene?.rowCount ?? 0) > 150_000;
    this.pixelRatio = heavy ? 1 : ratio;
    this.isMerged = this.layerKind === "raster" && this.pixelRatio === ratio;
    this.layer.resize(Math.round(width * this.pixelRatio), Math.round(height * this.pixelRatio));
    const [overlayWidth, overlayHeight] = this.isMerged ? [1, 1] : [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.overlay.width !== overlayWidth || this.overlay.height !== overlayHeight) {
      this.overlay.width = overlayWidth;
      this.overlay.height = overlayHeight;
    }
    this.overlayContext()?.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  // Without a graphics card long lines take seconds on a canvas that asks for one.
  private overlayContext(): CanvasRenderingContext2D | null {
    const canvas = this.isMerged ? this.points : this.overlay;
    return canvas.getContext("2d", { willReadFrequently: this.layerKind === "raster" });
  }

  ask(): void {
    this.request ||= requestAnimationFrame(() => {
      this.request = 0;
      this.draw();
    });
  }

  draw(): void {
    const { inputs, view } = this;
    if (!inputs?.scene) return;
    const { scene, camera } = inputs;
    this.moveMorph(scene);
    const matrix = matrixOf(camera, view, scene.dim);
    this.drawPoints(inputs, scene, matrix);
    const input = this.overlayInput(scene, matrix);
    const context = this.overlayContext();
    if (input && context) {
      if (!this.isMerged) context.clearRect(0, 0, view.width, view.height);
      drawOverlay(context, input);
    }
    this.drawnCount++;
    this.overlay.dataset.drawn = String(this.drawnCount); // for tests and measurements
    if (this.drawnCount === 1) performance.mark("first view");
  }

  private drawPoints({ camera, dark }: MapInputs, scene: Scene, matrix: Float32Array): void {
    const sizePx = pointSize(scene.placedCount, camera.zoom);
    this.layer.draw({
      matrix,
      sizePx: sizePx * this.pixelRatio,
      litSizePx: Math.max(7, sizePx + 3) * this.pixelRatio,
      opacity: scene.dim === 3 ? 0.9 : pointOpacity(scene.placedCount, camera.zoom, sizePx, this.view),
      perspective: perspectiveOf(scene.dim),
      background: shadeOf(paperColor(dark)),
      ring: shadeOf(inkColor(dark)),
    });
  }

  overlayInput(scene: Scene, matrix: Float32Array): OverlayInput | null {
    const { inputs, view } = this;
    if (!inputs) return null;
    const { thumbnails, colors } = inputs;
    const alpha = colors?.colors;
    const near = this.nearPictures(inputs, scene, matrix);
    this.pictures = near.length > 0 ? near : this.regionPictures(inputs, scene, matrix);
    const frameColor = (row: number): string =>
      alpha ? `rgb(${alpha[row * 4]} ${alpha[row * 4 + 1]} ${alpha[row * 4 + 2]})` : "#888";
    return {
      ...inputs,
      scene,
      matrix,
      view,
      labels: this.morph || near.length > 0 ? null : inputs.labels,
      pictures: thumbnails && this.pictures.length > 0 ? { placed: this.pictures, cache: thumbnails, frameColor } : null,
      outline: this.outline,
    };
  }

  private nearPictures(inputs: MapInputs, scene: Scene, matrix: Float32Array): readonly PlacedPicture[] {
    const { grid, thumbnails, camera } = inputs;
    if (!grid || !thumbnails || !inputs.nearPictures || scene.dim !== 2 || this.morph) return [];
    const alpha = inputs.colors?.colors;
    const shown = (row: number): boolean => !!scene.placed[row] && (!alpha || alpha[row * 4 + 3] > 0);
    return placePictures(scene, grid, camera, matrix, this.view, shown);
  }

  // Only of what is bright: they lie over the points that a search has found.
  private regionPictures(inputs: MapInputs, scene: Scene, matrix: Float32Array): readonly PlacedPicture[] {
    const { labels, thumbnails, camera } = inputs;
    if (!labels || !thumbnails || this.morph) return [];
    const alpha = inputs.colors?.colors;
    const bright = (row: number): boolean => !!scene.placed[row] && (!alpha || alpha[row * 4 + 3] > brightAlpha);
    return placeRegionPictures(labels.levels, scene, matrix, this.view, camera.zoom, bright);
  }

  private moveMorph(scene: Scene): void {
    if (!this.morph) return;
    const { from, fresh, startMs } = this.morph;
    const share = Math.min(1, (performance.now() - startMs) / morphMs);
    if (share >= 1) {
      this.morph = null;
      this.layer.setPositions(scene.positions, scene.dim);
      this.setFading(fresh, 1);
      return;
    }
    const eased = share * share * (3 - 2 * share);
    this.layer.setPositions(
      scene.positions.map((value, place) => from[place] + (value - from[place]) * eased),
      scene.dim,
    );
    this.setFading(fresh, eased);
    this.ask();
  }

  private setFading(fresh: Uint32Array, share: number): void {
    const colors = this.inputs?.colors?.colors;
    if (!colors || fresh.length === 0) return;
    const faded = share < 1 ? colors.slice() : colors;
    if (share < 1) for (const row of fresh) faded[row * 4 + 3] = colors[row * 4 + 3] * share;
    this.layer.setColors(faded);
  }

  // The points alone, as they are now; drawn anew, because WebGL forgets its picture.
  pointsPicture(): string {
    const { inputs, view } = this;
    if (!inputs?.scene) return "";
    this.drawPoints(inputs, inputs.scene, matrixOf(inputs.camera, view, inputs.scene.dim));
    const picture = this.points.toDataURL("image/png");
    this.draw();
    return picture;
  }

  // Drawn anew, from the lowest up.
  canvases(): readonly HTMLCanvasElement[] {
    this.draw();
    return this.isMerged ? [this.points] : [this.points, this.overlay];
  }

  currentOverlay(): { context: CanvasRenderingContext2D; input: OverlayInput } | null {
    const scene = this.inputs?.scene;
    const context = this.overlayContext();
    if (!scene || !this.inputs || !context) return null;
    const input = this.overlayInput(scene, matrixOf(this.inputs.camera, this.view, scene.dim));
    return input && { context, input };
  }

  release(): void {
    cancelAnimationFrame(this.request);
    this.request = 0;
    this.layer.release();
  }
}
