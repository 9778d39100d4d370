// Names of regions that fit: the level by zoom, the largest regions first, none over another.

import type { LabelLevels, RegionLabel } from "../data/contract";
import { toPixel, type Viewport } from "./camera";
import type { Scene } from "./scene";

export interface PlacedLabel {
  label: RegionLabel;
  text: string;
  x: number; // middle, in pixels
  y: number;
  sizePx: number;
}

const labelMax = 60;

export function placeLabels(
  levels: LabelLevels["levels"],
  scene: Scene,
  matrix: Float32Array,
  view: Viewport,
  zoom: number,
  widthOf: (text: string, sizePx: number) => number,
): PlacedLabel[] {
  const level = levels.filter((candidate) => candidate.zoom <= Math.max(1, zoom)).at(-1) ?? levels[0];
  const placed: PlacedLabel[] = [];
  const taken: (readonly [number, number, number, number])[] = [];
  const most = Math.max(1, ...level.labels.map(({ count }) => count));
  for (const label of [...level.labels].sort((a, b) => b.count - a.count)) {
    if (!label.text || placed.length >= labelMax) continue;
    if (scene.dim === 3 && label.z === undefined) continue;
    const [x, y, z] = [label.x, label.y, label.z ?? 0].map((value, axis) => (value - (scene.centre[axis] ?? 0)) * scene.scale);
    const pixel = toPixel(matrix, view, x, y, z);
    if (!pixel.visible) continue;
    const sizePx = Math.round(12 + 6 * Math.sqrt(label.count / most));
    const text = shortened(label.text);
    const half = widthOf(text, sizePx) / 2 + 6;
    const box = [pixel.x - half, pixel.y - sizePx, pixel.x + half, pixel.y + sizePx] as const;
    if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
    taken.push(box);
    placed.push({ label, text, x: pixel.x, y: pixel.y, sizePx });
  }
  return placed;
}

export const shortened = (text: string, most = 42): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
