// What lies over the points: lines of density, neighbours of the pinned item, pictures, names of regions, the outline
// that is being drawn. Drawn anew with every frame, over the points or into a canvas of its own.

import type { LabelLevels, Neighbors } from "../data/contract";
import { scaleOf, toPixel, type Camera, type Viewport } from "./camera";
import type { Contour } from "./density";
import { placeLabels, type PlacedLabel } from "./label_placement";
import type { Scene } from "./scene";
import type { Polygon } from "./shapes";
import type { PlacedPicture, ThumbnailCache } from "./thumbnails";

export interface OverlayInput {
  scene: Scene;
  camera: Camera;
  matrix: Float32Array;
  view: Viewport;
  dark: boolean;
  contours: readonly Contour[];
  labels: LabelLevels | null;
  pictures: { placed: readonly PlacedPicture[]; cache: ThumbnailCache; frameColor: (row: number) => string } | null;
  pinned: number; // rows of this scene, -1: none
  hovered: number;
  neighbors: Neighbors | null;
  falseNeighbors: boolean;
  outline: Polygon;
}

export const mapFont = "system-ui, sans-serif";
export const edgeColor = (dark: boolean): string => (dark ? "#7cc4ff" : "#0a5aa8");
export const falseColor = (dark: boolean): string => (dark ? "#ff8f6b" : "#b3360b");
export const inkColor = (dark: boolean): string => (dark ? "#f2f4f8" : "#15181e");
export const paperColor = (dark: boolean): string => (dark ? "#101319" : "#fbfbfd");

const widths = new Map<string, number>();

function widthIn(context: CanvasRenderingContext2D, text: string, sizePx: number): number {
  const key = `${sizePx}:${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    context.font = `600 ${sizePx}px ${mapFont}`;
    width = context.measureText(text).width;
    widths.set(key, width);
  }
  return width;
}

export function labelsOf(context: CanvasRenderingContext2D, input: OverlayInput): PlacedLabel[] {
  if (!input.labels || input.labels.levels.length === 0) return [];
  return placeLabels(input.labels.levels, input.scene, input.matrix, input.view, input.camera.zoom, (text, sizePx) =>
    widthIn(context, text, sizePx),
  );
}

export function drawOverlay(context: CanvasRenderingContext2D, input: OverlayInput): void {
  if (input.scene.dim === 2) drawContours(context, input);
  if (input.pictures) input.pictures.cache.draw(context, input.pictures.placed, input.pictures.frameColor);
  drawLabels(context, input);
  drawNeighbors(context, input);
  drawRing(context, input, input.hovered, 7);
  drawRing(context, input, input.pinned, 9);
  drawOutline(context, input);
}

function drawContours(context: CanvasRenderingContext2D, { contours, camera, view, dark }: OverlayInput): void {
  const scale = scaleOf(camera, view);
  const [shiftX, shiftY] = [view.width / 2 - camera.x * scale, view.height / 2 + camera.y * scale];
  for (const { level, segments } of contours) {
    context.beginPath();
    for (let place = 0; place < segments.length; place += 4) {
      context.moveTo(segments[place] * scale + shiftX, shiftY - segments[place + 1] * scale);
      context.lineTo(segments[place + 2] * scale + shiftX, shiftY - segments[place + 3] * scale);
    }
    context.strokeStyle = dark ? `rgb(255 255 255 / ${0.18 + level * 0.5})` : `rgb(20 30 50 / ${0.16 + level * 0.5})`;
    context.lineWidth = 1;
    context.stroke();
  }
}

function drawLabels(context: CanvasRenderingContext2D, input: OverlayInput): void {
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const { text, x, y, sizePx } of labelsOf(context, input)) {
    context.font = `600 ${sizePx}px ${mapFont}`;
    context.lineWidth = 4;
    context.strokeStyle = input.dark ? "rgb(16 19 25 / 0.85)" : "rgb(251 251 253 / 0.88)";
    context.strokeText(text, x, y);
    context.fillStyle = inkColor(input.dark);
    context.fillText(text, x, y);
  }
}

export function pixelOf({ scene, matrix, view }: OverlayInput, row: number) {
  const { positions, dim, placed } = scene;
  if (row < 0 || row >= scene.rowCount || !placed[row]) return null;
  const z = dim === 3 ? positions[row * 3 + 2] : 0;
  return toPixel(matrix, view, positions[row * dim], positions[row * dim + 1], z);
}

function drawNeighbors(context: CanvasRenderingContext2D, input: OverlayInput): void {
  const from = pixelOf(input, input.pinned);
  if (!from || !input.neighbors) return;
  context.strokeStyle = edgeColor(input.dark);
  context.fillStyle = edgeColor(input.dark);
  input.neighbors.neighbors.forEach(({ row }, rank) => {
    const to = pixelOf(input, row);
    if (!to) return;
    context.globalAlpha = 1 - rank / 24;
    context.lineWidth = rank < 5 ? 2 : 1.25;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    context.beginPath();
    context.arc(to.x, to.y, 4.5, 0, Math.PI * 2);
    context.fill();
  });
  context.globalAlpha = 1;
  if (!input.falseNeighbors) return;
  // Near on the map, far in truth: a cross, so that the mark does not rest on colour alone.
  context.strokeStyle = falseColor(input.dark);
  context.lineWidth = 1.75;
  for (const { row, false: isFalse } of input.neighbors.map_neighbors) {
    const to = isFalse ? pixelOf(input, row) : null;
    if (!to) continue;
    context.beginPath();
    context.moveTo(to.x - 4, to.y - 4);
    context.lineTo(to.x + 4, to.y + 4);
    context.moveTo(to.x + 4, to.y - 4);
    context.lineTo(to.x - 4, to.y + 4);
    context.stroke();
  }
}

function drawRing(context: CanvasRenderingContext2D, input: OverlayInput, row: number, radius: number): void {
  const at = pixelOf(input, row);
  if (!at) return;
  context.lineWidth = 4;
  context.strokeStyle = paperColor(input.dark);
  context.beginPath();
  context.arc(at.x, at.y, radius, 0, Math.PI * 2);
  context.stroke();
  context.lineWidth = 2;
  context.strokeStyle = inkColor(input.dark);
  context.stroke();
}

function drawOutline(context: CanvasRenderingContext2D, { outline, dark }: OverlayInput): void {
  if (outline.length < 2) return;
  context.beginPath();
  outline.forEach(([x, y], place) => (place === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.closePath();
  context.fillStyle = dark ? "rgb(124 196 255 / 0.14)" : "rgb(10 90 168 / 0.1)";
  context.fill();
  context.strokeStyle = edgeColor(dark);
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.stroke();
  context.setLineDash([]);
}
