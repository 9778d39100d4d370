// What the reader draws to select: a box or a lasso, in pixels.

import { fromPixel, matrixOf, toPixel, type Camera, type Viewport } from "./camera";
import type { Scene } from "./scene";
import type { SpatialGrid } from "./spatial_grid";

export type Polygon = readonly (readonly [number, number])[];

export const boxOf = (x0: number, y0: number, x1: number, y1: number): Polygon => [
  [x0, y0],
  [x1, y0],
  [x1, y1],
  [x0, y1],
];

// Even-odd rule: a ray to the right crosses the outline an odd number of times.
export function isInside(polygon: Polygon, x: number, y: number): boolean {
  let inside = false;
  for (let place = 0, before = polygon.length - 1; place < polygon.length; before = place++) {
    const [x0, y0] = polygon[place];
    const [x1, y1] = polygon[before];
    if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) inside = !inside;
  }
  return inside;
}

// Rows whose points lie inside the outline, ascending.
export function rowsInside(
  polygon: Polygon,
  scene: Scene,
  grid: SpatialGrid | null,
  camera: Camera,
  view: Viewport,
  shown: (row: number) => boolean,
): Uint32Array {
  const rows: number[] = [];
  if (scene.dim === 2 && grid) {
    const places = polygon.map(([px, py]) => {
      const { x, y } = fromPixel(camera, view, px, py);
      return [x, y] as const;
    });
    const xs = places.map(([x]) => x);
    const ys = places.map(([, y]) => y);
    for (const row of grid.candidates(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys))) {
      if (shown(row) && isInside(places, scene.positions[row * 2], scene.positions[row * 2 + 1])) rows.push(row);
    }
    return Uint32Array.from(rows).sort();
  }
  const matrix = matrixOf(camera, view, scene.dim);
  const { positions, dim } = scene;
  for (let row = 0; row < scene.rowCount; row++) {
    if (!scene.placed[row] || !shown(row)) continue;
    const z = dim === 3 ? positions[row * 3 + 2] : 0;
    const pixel = toPixel(matrix, view, positions[row * dim], positions[row * dim + 1], z);
    if (pixel.visible && isInside(polygon, pixel.x, pixel.y)) rows.push(row);
  }
  return Uint32Array.from(rows);
}

// In space there is no grid: every point is projected, some milliseconds for a million.
export function nearestInSpace(
  scene: Scene,
  matrix: Float32Array,
  view: Viewport,
  px: number,
  py: number,
  radiusPx: number,
  shown: (row: number) => boolean,
): number {
  let best = -1;
  let bestDistance = radiusPx * radiusPx;
  const { positions } = scene;
  for (let row = 0; row < scene.rowCount; row++) {
    if (!scene.placed[row]) continue;
    const pixel = toPixel(matrix, view, positions[row * 3], positions[row * 3 + 1], positions[row * 3 + 2]);
    const distance = (pixel.x - px) ** 2 + (pixel.y - py) ** 2;
    if (pixel.visible && distance < bestDistance && shown(row)) {
      best = row;
      bestDistance = distance;
    }
  }
  return best;
}
