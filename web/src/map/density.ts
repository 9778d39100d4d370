// Where points are many: a grid of counts, smoothed, and lines of equal density through it (marching squares,
// Lorensen and Cline 1987 in the plane).

import type { Scene } from "./scene";

const gridSide = 192;
const reach = 1.08; // the grid goes a little past the map, so that lines close
const shares = [0.03, 0.1, 0.22, 0.4, 0.65]; // of the highest density

export interface Contour {
  level: number; // 0..1
  segments: Float32Array; // [n, 4]: x0, y0, x1, y1 in positions of the map
}

export function densityContours(scene: Scene, shown: (row: number) => boolean): Contour[] {
  if (scene.dim !== 2 || scene.placedCount === 0) return [];
  const density = smooth(smooth(counts(scene, shown)));
  const highest = density.reduce((most, value) => Math.max(most, value), 0);
  if (highest === 0) return [];
  return shares.map((share) => ({ level: share, segments: march(density, highest * share) }));
}

function counts(scene: Scene, shown: (row: number) => boolean): Float32Array {
  const grid = new Float32Array(gridSide * gridSide);
  for (let row = 0; row < scene.rowCount; row++) {
    if (!scene.placed[row] || !shown(row)) continue;
    const x = Math.floor((scene.positions[row * 2] / reach / 2 + 0.5) * gridSide);
    const y = Math.floor((scene.positions[row * 2 + 1] / reach / 2 + 0.5) * gridSide);
    if (x >= 0 && y >= 0 && x < gridSide && y < gridSide) grid[y * gridSide + x]++;
  }
  return grid;
}

// A box of 5 along each axis; twice is near a Gaussian.
function smooth(grid: Float32Array): Float32Array {
  const along = (from: Float32Array, step: number, across: number): Float32Array => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < gridSide; line++) {
      for (let place = 0; place < gridSide; place++) {
        let sum = 0;
        for (let shift = -2; shift <= 2; shift++) {
          const at = place + shift;
          if (at >= 0 && at < gridSide) sum += from[line * across + at * step];
        }
        to[line * across + place * step] = sum / 5;
      }
    }
    return to;
  };
  return along(along(grid, 1, gridSide), gridSide, 1);
}

// Which edges of a cell the line joins, by which corners lie above; edges are 0 bottom, 1 right, 2 top, 3 left.
const joins: readonly (readonly number[])[] = [
  [], [3, 0], [0, 1], [3, 1], [1, 2], [3, 2, 0, 1], [0, 2], [3, 2],
  [2, 3], [2, 0], [0, 3, 1, 2], [2, 1], [1, 3], [1, 0], [0, 3], [],
];

function march(density: Float32Array, threshold: number): Float32Array {
  const segments: number[] = [];
  const toMap = (cell: number): number => (((cell + 0.5) / gridSide) * 2 - 1) * reach;
  for (let y = 0; y + 1 < gridSide; y++) {
    for (let x = 0; x + 1 < gridSide; x++) {
      const at = y * gridSide + x;
      const corners = [density[at], density[at + 1], density[at + gridSide + 1], density[at + gridSide]];
      let which = 0;
      for (let corner = 0; corner < 4; corner++) if (corners[corner] >= threshold) which |= 1 << corner;
      const edges = joins[which];
      for (const edge of edges) {
        const [px, py] = crossing(edge, corners, threshold);
        segments.push(toMap(x + px), toMap(y + py));
      }
    }
  }
  return Float32Array.from(segments);
}

// Where on an edge of the unit cell the threshold is met.
function crossing(edge: number, corners: readonly number[], threshold: number): [number, number] {
  const [from, to] = [corners[edge], corners[(edge + 1) % 4]];
  const share = to === from ? 0.5 : (threshold - from) / (to - from);
  if (edge === 0) return [share, 0];
  if (edge === 1) return [1, share];
  if (edge === 2) return [1 - share, 1];
  return [0, 1 - share];
}
