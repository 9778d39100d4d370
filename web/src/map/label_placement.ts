// Names and typical pictures of regions that fit: the level by zoom, the largest regions first, none over another.

import type { LabelLevels, RegionLabel } from "../data/contract";
import { type Covered, toPixel, type Viewport } from "./camera";
import type { Scene } from "./scene";
import type { PlacedPicture } from "./thumbnails";

export interface PlacedLabel {
  label: RegionLabel;
  text: string;
  x: number; // middle, in pixels
  y: number;
  sizePx: number;
}

type Levels = LabelLevels["levels"];

const labelMax = 40;
const shareMax = 0.4; // a region of more rows than that names nothing in particular
const picturePxMax = 60;
const picturePxShare = 1 / 9; // of the shorter side of the view

// Of the level that is meant for this zoom, or of a finer one where a single region holds most of the map; the largest
// region first, each with its share of the largest one.
function regionsAt(levels: Levels, zoom: number): { label: RegionLabel; share: number }[] {
  const tells = ({ labels }: Levels[number]): boolean => {
    const counts = labels.map(({ count }) => count);
    return Math.max(...counts) < shareMax * counts.reduce((sum, count) => sum + count, 0);
  };
  const meant = Math.max(0, levels.findLastIndex((candidate) => candidate.zoom <= Math.max(1, zoom)));
  const level = levels.slice(meant).find(tells) ?? levels.at(meant);
  const labels = [...(level?.labels ?? [])].sort((a, b) => b.count - a.count);
  return labels.map((label) => ({ label, share: Math.sqrt(label.count / Math.max(1, labels[0].count)) }));
}

function pixelOfRegion({ x, y, z }: RegionLabel, scene: Scene, matrix: Float32Array, view: Viewport) {
  if (scene.dim === 3 && z === undefined) return null;
  const [px, py, pz] = [x, y, z ?? 0].map((value, axis) => (value - (scene.centre[axis] ?? 0)) * scene.scale);
  const pixel = toPixel(matrix, view, px, py, pz);
  return pixel.visible ? pixel : null;
}

// What is taken of the view already.
class Room {
  private readonly taken: Covered[];

  constructor({ covered }: Viewport) {
    this.taken = [...(covered ?? [])];
  }

  take(x: number, y: number, halfWidth: number, halfHeight: number): boolean {
    const [left, top, right, bottom] = [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
    if (this.taken.some((other) => left < other[2] && other[0] < right && top < other[3] && other[1] < bottom)) return false;
    this.taken.push([left, top, right, bottom]);
    return true;
  }
}

// A name stays whole: near the edge of the view it moves in.
const within = (middle: number, half: number, length: number): number =>
  half * 2 > length ? length / 2 : Math.min(length - half, Math.max(half, middle));

export function placeLabels(
  levels: Levels,
  scene: Scene,
  matrix: Float32Array,
  view: Viewport,
  zoom: number,
  widthOf: (text: string, sizePx: number) => number,
): PlacedLabel[] {
  const placed: PlacedLabel[] = [];
  const room = new Room(view);
  for (const { label, share } of regionsAt(levels, zoom)) {
    if (!label.text || placed.length >= labelMax) continue;
    const pixel = pixelOfRegion(label, scene, matrix, view);
    if (!pixel) continue;
    const sizePx = Math.round(12 + 6 * share);
    const text = shortened(label.text);
    const half = widthOf(text, sizePx) / 2 + 6;
    const [x, y] = [within(pixel.x, half, view.width), within(pixel.y, sizePx, view.height)];
    if (room.take(x, y, half, sizePx)) placed.push({ label, text, x, y, sizePx });
  }
  return placed;
}

// The most typical picture of each region that is shown, at the region's place.
export function placeRegionPictures(
  levels: Levels,
  scene: Scene,
  matrix: Float32Array,
  view: Viewport,
  zoom: number,
  shown: (row: number) => boolean,
): PlacedPicture[] {
  const placed: PlacedPicture[] = [];
  const room = new Room(view);
  const largestPx = Math.min(picturePxMax, Math.min(view.width, view.height) * picturePxShare);
  for (const { label, share } of regionsAt(levels, zoom)) {
    const row = label.rows?.find(shown);
    if (row === undefined || placed.length >= labelMax) continue;
    const pixel = pixelOfRegion(label, scene, matrix, view);
    if (!pixel) continue;
    const sizePx = Math.round(largestPx * (0.6 + 0.4 * share));
    const half = sizePx / 2 + 4;
    const [x, y] = [within(pixel.x, half, view.width), within(pixel.y, half, view.height)];
    if (room.take(x, y, half, half)) placed.push({ row, x, y, sizePx });
  }
  return placed;
}

export const shortened = (text: string, most = 42): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
