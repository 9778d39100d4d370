// Where the reader looks from. Positions of the map are in [-1, 1]; pixels are those of CSS.

export interface Camera {
  x: number; // centre of the view in 2-D, target of the orbit in 3-D
  y: number;
  zoom: number; // 1: the whole map fits
  yaw: number; // 3-D only, radians
  pitch: number;
}

export interface Viewport {
  width: number;
  height: number;
  covered?: readonly Covered[];
}

// Left, top, right and bottom of what lies over a map, in its pixels.
export type Covered = readonly [number, number, number, number];

export const homeCamera: Camera = { x: 0, y: 0, zoom: 1, yaw: 0.6, pitch: 0.4 };
export const zoomMax = 20_000;
export const zoomMin = 0.2;
const eyeDistance = 3.2;
// Share of the view that the map fills at zoom 1: what is left holds the bar above it.
const margin = 0.84;

// Pixels of one unit of the map.
export function scaleOf(camera: Camera, view: Viewport): number {
  return (Math.min(view.width, view.height) / 2) * margin * camera.zoom;
}

export function matrixOf(camera: Camera, view: Viewport, dim: 2 | 3): Float32Array {
  return dim === 2 ? planeMatrix(camera, view) : orbitMatrix(camera, view);
}

function planeMatrix(camera: Camera, view: Viewport): Float32Array {
  const scale = scaleOf(camera, view) * 2;
  const [sx, sy] = [scale / view.width, scale / view.height];
  return new Float32Array([sx, 0, 0, 0, 0, sy, 0, 0, 0, 0, 1, 0, -camera.x * sx, -camera.y * sy, 0, 1]);
}

// The eye goes round the middle; zoom is nearness of the picture, x and y shift it.
function orbitMatrix(camera: Camera, view: Viewport): Float32Array {
  const [cy, sy] = [Math.cos(camera.yaw), Math.sin(camera.yaw)];
  const [cp, sp] = [Math.cos(camera.pitch), Math.sin(camera.pitch)];
  // Rows of the rotation: first about the vertical, then about the horizontal.
  const right = [cy, 0, sy];
  const up = [sp * sy, cp, -sp * cy];
  const back = [-cp * sy, sp, cp * cy];
  const focus = scaleOf(camera, view) * 2 * eyeDistance * 0.72;
  const [fx, fy] = [focus / view.width, focus / view.height];
  const [near, far] = [0.05, 10];
  const a = (far + near) / (near - far);
  const b = (2 * far * near) / (near - far);
  const matrix = new Float32Array(16);
  for (let axis = 0; axis < 3; axis++) {
    // Clip space looks along -z: depth in the eye's space is back - eyeDistance.
    matrix[axis * 4] = right[axis] * fx;
    matrix[axis * 4 + 1] = up[axis] * fy;
    matrix[axis * 4 + 2] = back[axis] * a;
    matrix[axis * 4 + 3] = -back[axis];
  }
  matrix[12] = -camera.x * fx;
  matrix[13] = -camera.y * fy;
  matrix[14] = -eyeDistance * a + b;
  matrix[15] = eyeDistance;
  return matrix;
}

export const perspectiveOf = (dim: 2 | 3): number => (dim === 3 ? eyeDistance : 0);

export function toPixel(
  matrix: Float32Array,
  view: Viewport,
  x: number,
  y: number,
  z = 0,
): { x: number; y: number; visible: boolean } {
  const m = matrix;
  const w = m[3] * x + m[7] * y + m[11] * z + m[15];
  const px = (((m[0] * x + m[4] * y + m[8] * z + m[12]) / w + 1) * view.width) / 2;
  const py = ((1 - (m[1] * x + m[5] * y + m[9] * z + m[13]) / w) * view.height) / 2;
  return { x: px, y: py, visible: w > 0 && px >= 0 && py >= 0 && px <= view.width && py <= view.height };
}

// Only in 2-D: the place on the map under a pixel.
export function fromPixel(camera: Camera, view: Viewport, px: number, py: number): { x: number; y: number } {
  const scale = scaleOf(camera, view);
  return { x: camera.x + (px - view.width / 2) / scale, y: camera.y - (py - view.height / 2) / scale };
}

export function panned(camera: Camera, view: Viewport, dx: number, dy: number): Camera {
  const scale = scaleOf(camera, view);
  return { ...camera, x: camera.x - dx / scale, y: camera.y + dy / scale };
}

export function orbited(camera: Camera, dx: number, dy: number): Camera {
  const pitch = Math.max(-1.55, Math.min(1.55, camera.pitch + dy * 0.008));
  return { ...camera, yaw: camera.yaw + dx * 0.008, pitch };
}

// What is under the pixel stays there.
export function zoomed(camera: Camera, view: Viewport, factor: number, px: number, py: number, dim: 2 | 3): Camera {
  const zoom = Math.max(zoomMin, Math.min(zoomMax, camera.zoom * factor));
  if (dim === 3) return { ...camera, zoom };
  const before = fromPixel(camera, view, px, py);
  const after = fromPixel({ ...camera, zoom }, view, px, py);
  return { ...camera, zoom, x: camera.x + before.x - after.x, y: camera.y + before.y - after.y };
}

// The view that shows the given positions of a plane map, with some air around.
export function fitted(positions: Float32Array, rows: ArrayLike<number>, view: Viewport): Camera {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let place = 0; place < rows.length; place++) {
    const x = positions[rows[place] * 2];
    const y = positions[rows[place] * 2 + 1];
    minX = Math.min(minX, x);
    maxX = Math.max(maxX, x);
    minY = Math.min(minY, y);
    maxY = Math.max(maxY, y);
  }
  if (!(minX <= maxX)) return homeCamera;
  const side = Math.min(view.width, view.height);
  const extent = Math.max(((maxX - minX) / view.width) * side, ((maxY - minY) / view.height) * side, 0.02);
  return { ...homeCamera, x: (minX + maxX) / 2, y: (minY + maxY) / 2, zoom: Math.min(zoomMax, 1.6 / extent) };
}
