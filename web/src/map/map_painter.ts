// One map on its two canvases: points below, everything else above. Holds what a frame needs and draws when asked, at
// most once an animation frame. React sets its inputs; it knows nothing of React.

import type { LabelLevels, Neighbors } from "../data/contract";
import { matrixOf, perspectiveOf, type Camera, type Viewport } from "./camera";
import type { Contour } from "./density";
import { chooseLayer, type LayerKind } from "./layer_choice";
import { drawOverlay, inkColor, paperColor, type OverlayInput } from "./overlay";
import type { PointLayer } from "./point_layer";
import { pointOpacity, pointSize } from "./point_style";
import { hideUnplaced, type RowColors } from "./row_colors";
import type { Scene } from "./scene";
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
  grid: SpatialGrid | null;
  pinned: number;
  hovered: number;
  neighbors: Neighbors | null;
  falseNeighbors: boolean;
}

const morphMs = 380;
const morphRowsMax = 300_000;

const shadeOf = (css: string): [number, number, number] =>
  [1, 3, 5].map((place) => Number.parseInt(css.slice(place, place + 2), 16) / 255) as [number, number, number];

export class MapPainter {
  readonly layerKind: LayerKind;
  view: Viewport = { width: 1, height: 1 };
  pictures: readonly PlacedPicture[] = []; // drawn in the last frame
  private readonly layer: PointLayer;
  private readonly points: HTMLCanvasElement;
  private readonly overlay: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private inputs: MapInputs | null = null;
  private outline: Polygon = [];
  private request = 0;
  private pixelRatio = 1;
  private drawnCount = 0;
  private morph: { from: Float32Array; startMs: number } | null = null;

  // null where the browser has no canvas at all.
  static create(points: HTMLCanvasElement, overlay: HTMLCanvasElement, wanted: string | null): MapPainter | null {
    let painter: MapPainter | null = null;
    const chosen = chooseLayer(points, wanted, () => painter?.ask());
    // Without a graphics card long lines take seconds on a canvas that asks for one.
    const context = overlay.getContext("2d", { willReadFrequently: chosen?.kind === "raster" });
    if (!context || !chosen) return null;
    painter = new MapPainter(points, overlay, context, chosen.layer, chosen.kind);
    return painter;
  }

  private constructor(
    points: HTMLCanvasElement,
    overlay: HTMLCanvasElement,
    context: CanvasRenderingContext2D,
    layer: PointLayer,
    layerKind: LayerKind,
  ) {
    this.points = points;
    this.overlay = overlay;
    this.context = context;
    this.layer = layer;
    this.layerKind = layerKind;
  }

  update(inputs: MapInputs): void {
    const before = this.inputs;
    this.inputs = inputs;
    const { scene, colors } = inputs;
    if (scene && scene !== before?.scene) {
      this.startMorph(before?.scene ?? null, scene);
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

  // Between two projections of the same rows the points wander, so that the eye can follow them.
  private startMorph(from: Scene | null, to: Scene): void {
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const alike = from?.dim === to.dim && from.rowCount === to.rowCount && to.rowCount <= morphRowsMax;
    this.morph = from && alike && !calm ? { from: from.positions, startMs: performance.now() } : null;
  }

  setOutline(outline: Polygon): void {
    this.outline = outline;
    this.ask();
  }

  resize(width: number, height: number): void {
    this.view = { width: Math.max(1, width), height: Math.max(1, height) };
    this.fitPixels();
    this.ask();
  }

  private fitPixels(): void {
    const { width, height } = this.view;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    // Where the processor draws, many points are drawn at the pixels of CSS.
    const heavy = this.layerKind === "raster" && (this.inputs?.scene?.rowCount ?? 0) > 150_000;
    this.pixelRatio = heavy ? 1 : ratio;
    this.layer.resize(Math.round(width * this.pixelRatio), Math.round(height * this.pixelRatio));
    if (this.overlay.width !== Math.round(width * ratio) || this.overlay.height !== Math.round(height * ratio)) {
      this.overlay.width = Math.round(width * ratio);
      this.overlay.height = Math.round(height * ratio);
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
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
    const { scene, camera, dark } = inputs;
    this.moveMorph(scene);
    const matrix = matrixOf(camera, view, scene.dim);
    const sizePx = pointSize(scene.placedCount, camera.zoom);
    this.layer.draw({
      matrix,
      sizePx: sizePx * this.pixelRatio,
      litSizePx: Math.max(7, sizePx + 3) * this.pixelRatio,
      opacity: scene.dim === 3 ? 0.9 : pointOpacity(scene.placedCount, camera.zoom, sizePx, view),
      perspective: perspectiveOf(scene.dim),
      background: shadeOf(paperColor(dark)),
      ring: shadeOf(inkColor(dark)),
    });
    const input = this.overlayInput(scene, matrix);
    if (input) drawOverlay(this.context, input);
    this.drawnCount++;
    this.overlay.dataset.drawn = String(this.drawnCount); // for tests and measurements
    if (this.drawnCount === 1) performance.mark("first view");
  }

  overlayInput(scene: Scene, matrix: Float32Array): OverlayInput | null {
    const { inputs, view } = this;
    if (!inputs) return null;
    const { camera, grid, thumbnails, colors } = inputs;
    const alpha = colors?.colors;
    const shown = (row: number): boolean => !!scene.placed[row] && (!alpha || alpha[row * 4 + 3] > 0);
    const placing = grid && thumbnails && scene.dim === 2 && !this.morph;
    this.pictures = placing ? placePictures(scene, grid, camera, matrix, view, shown) : [];
    const frameColor = (row: number): string =>
      alpha ? `rgb(${alpha[row * 4]} ${alpha[row * 4 + 1]} ${alpha[row * 4 + 2]})` : "#888";
    return {
      ...inputs,
      scene,
      matrix,
      view,
      labels: this.morph || this.pictures.length > 0 ? null : inputs.labels,
      pictures: thumbnails && this.pictures.length > 0 ? { placed: this.pictures, cache: thumbnails, frameColor } : null,
      outline: this.outline,
    };
  }

  private moveMorph(scene: Scene): void {
    if (!this.morph) return;
    const share = Math.min(1, (performance.now() - this.morph.startMs) / morphMs);
    if (share >= 1) {
      this.morph = null;
      this.layer.setPositions(scene.positions, scene.dim);
      return;
    }
    const eased = share * share * (3 - 2 * share);
    const { from } = this.morph;
    this.layer.setPositions(
      scene.positions.map((value, place) => from[place] + (value - from[place]) * eased),
      scene.dim,
    );
    this.ask();
  }

  // The points as they are now; drawn anew, because WebGL forgets its picture.
  pointsPicture(): string {
    this.draw();
    return this.points.toDataURL("image/png");
  }

  canvases(): readonly [HTMLCanvasElement, HTMLCanvasElement] {
    this.draw();
    return [this.points, this.overlay];
  }

  currentOverlay(): { context: CanvasRenderingContext2D; input: OverlayInput } | null {
    const scene = this.inputs?.scene;
    if (!scene || !this.inputs) return null;
    const input = this.overlayInput(scene, matrixOf(this.inputs.camera, this.view, scene.dim));
    return input && { context: this.context, input };
  }

  release(): void {
    cancelAnimationFrame(this.request);
    this.request = 0;
    this.layer.release();
  }
}
