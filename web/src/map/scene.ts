// The places of a projection made ready: scaled to [-1, 1], rows without a place marked. Where a few stragglers would
// press all others together, they lie outside.

export interface Scene {
  name: string;
  dim: 2 | 3;
  rowCount: number;
  positions: Float32Array; // [rowCount, dim], most in [-1, 1]; 0 where a row has no place
  placed: Uint8Array; // [rowCount], 1 where it has one
  placedCount: number;
  // Of the projection's own coordinates: position = (value - centre) * scale.
  centre: readonly number[];
  scale: number;
  bounds: Bounds | null; // that it was to be shown in
}

// Least and largest of each axis, one after the other.
export type Bounds = readonly number[];

// Points move from one reading of a collection to another: `rows` are their rows in `from`, -1 where they are new.
export interface Passage {
  from: Scene;
  to: Scene;
  rows: Int32Array;
}

export function makeScene(name: string, values: Float32Array, dim: 2 | 3, bounds: Bounds | null = null): Scene {
  const rowCount = Math.floor(values.length / dim);
  const min = new Array<number>(dim).fill(Infinity);
  const max = new Array<number>(dim).fill(-Infinity);
  const placed = new Uint8Array(rowCount);
  let placedCount = 0;
  for (let row = 0; row < rowCount; row++) {
    let whole = true;
    for (let axis = 0; axis < dim; axis++) whole &&= Number.isFinite(values[row * dim + axis]);
    if (!whole) continue;
    placed[row] = 1;
    placedCount++;
    for (let axis = 0; axis < dim; axis++) {
      const value = values[row * dim + axis];
      if (value < min[axis]) min[axis] = value;
      if (value > max[axis]) max[axis] = value;
    }
  }
  const [from, to] = bounds?.length === 2 * dim ? boxOf(bounds) : bulkOf(values, dim, placed, min, max);
  const centre = from.map((low, axis) => (placedCount ? (low + to[axis]) / 2 : 0));
  const extent = placedCount ? Math.max(...from.map((low, axis) => to[axis] - low)) : 0;
  const scale = extent > 0 ? 2 / extent : 1; // all at one place: it is the middle
  const positions = new Float32Array(rowCount * dim);
  for (let row = 0; row < rowCount; row++) {
    if (!placed[row]) continue;
    for (let axis = 0; axis < dim; axis++) {
      positions[row * dim + axis] = (values[row * dim + axis] - centre[axis]) * scale;
    }
  }
  return { name, dim, rowCount, positions, placed, placedCount, centre, scale, bounds };
}

const boxOf = (bounds: Bounds): [number[], number[]] => [
  bounds.filter((_, place) => place % 2 === 0),
  bounds.filter((_, place) => place % 2 === 1),
];

const stragglerShare = 0.02; // at each end of an axis
const air = 0.12;
const sampleMax = 20_000;

// The box that is shown first: of all rows, or of all but the stragglers where those take much of the map.
function bulkOf(values: Float32Array, dim: number, placed: Uint8Array, min: number[], max: number[]): [number[], number[]] {
  const step = Math.max(1, Math.ceil(placed.length / sampleMax));
  const rows: number[] = [];
  for (let row = 0; row < placed.length; row += step) if (placed[row]) rows.push(row);
  if (rows.length < 200) return [min, max];
  const [low, high] = [new Array<number>(dim), new Array<number>(dim)];
  for (let axis = 0; axis < dim; axis++) {
    const sorted = Float32Array.from(rows, (row) => values[row * dim + axis]).sort();
    const skipped = Math.floor(rows.length * stragglerShare);
    const [first, last] = [sorted[skipped], sorted[rows.length - 1 - skipped]];
    low[axis] = Math.max(min[axis], first - (last - first) * air);
    high[axis] = Math.min(max[axis], last + (last - first) * air);
  }
  const extentOf = (from: number[], to: number[]): number => Math.max(...from.map((start, axis) => to[axis] - start));
  const bulk = extentOf(low, high);
  return bulk > 0 && bulk < 0.8 * extentOf(min, max) ? [low, high] : [min, max];
}
