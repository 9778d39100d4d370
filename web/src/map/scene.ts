// The places of a projection made ready: scaled to [-1, 1], rows without a place marked.

export interface Scene {
  name: string;
  dim: 2 | 3;
  rowCount: number;
  positions: Float32Array; // [rowCount, dim], 0 where a row has no place
  placed: Uint8Array; // [rowCount], 1 where it has one
  placedCount: number;
  // Of the projection's own coordinates: position = (value - centre) * scale.
  centre: readonly number[];
  scale: number;
}

export function makeScene(name: string, values: Float32Array, dim: 2 | 3): Scene {
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
  const centre = min.map((low, axis) => (placedCount ? (low + max[axis]) / 2 : 0));
  const extent = placedCount ? Math.max(...min.map((low, axis) => max[axis] - low)) : 0;
  const scale = extent > 0 ? 2 / extent : 1; // all at one place: it is the middle
  const positions = new Float32Array(rowCount * dim);
  for (let row = 0; row < rowCount; row++) {
    if (!placed[row]) continue;
    for (let axis = 0; axis < dim; axis++) {
      positions[row * dim + axis] = (values[row * dim + axis] - centre[axis]) * scale;
    }
  }
  return { name, dim, rowCount, positions, placed, placedCount, centre, scale };
}
