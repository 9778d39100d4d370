// Draws the points of one map into the pixels of a 2-D canvas, without WebGL. It is what is left where a browser has
// none, and it is several times faster than WebGL that the browser itself computes on the processor
// (docs/decisions/0217): there a point costs a few additions, not two triangles. Interface and look of WebGlPointLayer.

import type { Frame, PointLayer } from "./point_layer";

const red = 0x0000ff;
const green = 0x00ff00;
const blue = 0xff0000;
const opaque = 0xff000000;
const softRowsMax = 50_000; // more points, if small, are squares

export function packColor(color: readonly [number, number, number]): number {
  const [r, g, b] = color.map((part) => Math.round(part * 255)) as [number, number, number];
  return (opaque | (b << 16) | (g << 8) | r) >>> 0;
}

// `under` with `over` on it; `alpha` of 256. Little-endian RGBA, as ImageData has it.
function blend(under: number, over: number, alpha: number): number {
  const even = under & (red | blue);
  const odd = under & green;
  const mixedEven = (even + ((((over & (red | blue)) - even) * alpha) >> 8)) & (red | blue);
  const mixedOdd = (odd + ((((over & green) - odd) * alpha) >> 8)) & green;
  return mixedEven | mixedOdd | opaque;
}

// The rows of pixels of a disc: for each line from -radius the half width there.
function discSpans(sizePx: number): Int32Array {
  const radius = sizePx / 2;
  const half = Math.ceil(radius);
  const spans = new Int32Array(half * 2 + 1);
  for (let line = -half; line <= half; line++) {
    const inside = radius * radius - line * line;
    spans[line + half] = inside < 0 ? -1 : Math.floor(Math.sqrt(inside));
  }
  return spans;
}

// How far a disc covers the pixels of a square, of 256, for each of 4 x 4 places inside the pixel: [16][side * side].
function softDiscs(sizePx: number, side: number): Uint16Array[] {
  return Array.from({ length: 16 }, (_, place) => {
    const [middleX, middleY] = [(place % 4) + 0.5, Math.floor(place / 4) + 0.5].map((quarter) => side / 2 + quarter / 4);
    return Uint16Array.from({ length: side * side }, (_, pixel) => {
      const distance = Math.hypot((pixel % side) + 0.5 - middleX, Math.floor(pixel / side) + 0.5 - middleY);
      return Math.round(256 * Math.min(1, Math.max(0, sizePx / 2 + 0.5 - distance)));
    });
  });
}

// Pixels that stay in memory: a canvas on a graphics card that is none would be computed twice.
export const inMemory: CanvasRenderingContext2DSettings = { alpha: false, willReadFrequently: true };

export class RasterPointLayer implements PointLayer {
  private readonly context: CanvasRenderingContext2D;
  private readonly canvas: HTMLCanvasElement;
  private image: ImageData;
  private pixels: Uint32Array;
  private depth = new Float32Array(0);
  private positions = new Float32Array(0);
  private dim: 2 | 3 = 2;
  private colors = new Uint32Array(0);
  private lit = new Uint32Array(0);

  static create(canvas: HTMLCanvasElement): RasterPointLayer | null {
    const context = canvas.getContext("2d", inMemory);
    return context ? new RasterPointLayer(context, canvas) : null;
  }

  private constructor(context: CanvasRenderingContext2D, canvas: HTMLCanvasElement) {
    this.context = context;
    this.canvas = canvas;
    this.image = new ImageData(Math.max(1, canvas.width), Math.max(1, canvas.height));
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  setPositions(positions: Float32Array, dim: 2 | 3): void {
    this.positions = positions as Float32Array<ArrayBuffer>;
    this.dim = dim;
  }

  setColors(colors: Uint8Array): void {
    this.colors = new Uint32Array(colors.slice().buffer);
  }

  setLit(rows: Uint32Array): void {
    this.lit = rows as Uint32Array<ArrayBuffer>;
  }

  resize(widthPx: number, heightPx: number): void {
    if (this.canvas.width === widthPx && this.canvas.height === heightPx) return;
    this.canvas.width = widthPx;
    this.canvas.height = heightPx;
    this.image = new ImageData(Math.max(1, widthPx), Math.max(1, heightPx));
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  draw(frame: Frame): void {
    this.pixels.fill(packColor(frame.background));
    if (this.dim === 3) this.drawSpace(frame);
    else if (frame.sizePx <= 3 && this.colors.length > softRowsMax) this.drawSquares(frame);
    else this.drawDiscs(frame);
    this.drawLit(frame);
    this.context.putImageData(this.image, 0, 0);
  }

  // The case of many points: squares of 1 to 3 pixels, everything in local variables.
  private drawSquares({ matrix, sizePx, opacity }: Frame): void {
    const { positions, colors, pixels } = this;
    const { width, height } = this.image;
    const [scaleX, shiftX, scaleY, shiftY] = this.planeTransform(matrix);
    const side = Math.max(1, Math.round(sizePx));
    const offset = (side - 1) / 2;
    const lastX = width - side;
    const lastY = height - side;
    const rowCount = Math.min(colors.length, positions.length / 2);
    for (let row = 0; row < rowCount; row++) {
      const color = colors[row];
      const alpha = ((color >>> 24) * opacity) | 0;
      if (alpha === 0) continue;
      const x = (positions[row * 2] * scaleX + shiftX - offset) | 0;
      const y = (positions[row * 2 + 1] * scaleY + shiftY - offset) | 0;
      if (x < 0 || y < 0 || x > lastX || y > lastY) continue;
      let place = y * width + x;
      if (side === 3) {
        // Without its corners it looks round.
        pixels[place + 1] = blend(pixels[place + 1], color, alpha);
        place += width;
        for (let column = 0; column < 3; column++) pixels[place + column] = blend(pixels[place + column], color, alpha);
        place += width + 1;
        pixels[place] = blend(pixels[place], color, alpha);
        continue;
      }
      for (let line = 0; line < side; line++, place += width) {
        for (let column = 0; column < side; column++) {
          pixels[place + column] = blend(pixels[place + column], color, alpha);
        }
      }
    }
  }

  // Discs with soft edges, at quarters of a pixel.
  private drawDiscs({ matrix, sizePx, opacity }: Frame): void {
    const { positions, colors, pixels } = this;
    const { width, height } = this.image;
    const [scaleX, shiftX, scaleY, shiftY] = this.planeTransform(matrix);
    const side = Math.ceil(sizePx) + 2;
    const covers = softDiscs(sizePx, side);
    const rowCount = Math.min(colors.length, positions.length / 2);
    for (let row = 0; row < rowCount; row++) {
      const color = colors[row];
      const alpha = ((color >>> 24) * opacity) | 0;
      if (alpha === 0) continue;
      const left = positions[row * 2] * scaleX + shiftX - side / 2;
      const top = positions[row * 2 + 1] * scaleY + shiftY - side / 2;
      if (!(left > -side && top > -side && left < width && top < height)) continue;
      const [x, y] = [Math.floor(left), Math.floor(top)];
      const cover = covers[Math.floor((top - y) * 4) * 4 + Math.floor((left - x) * 4)];
      const [lineEnd, columnEnd] = [Math.min(side, height - y), Math.min(side, width - x)];
      const columnBegin = Math.max(0, -x);
      for (let line = Math.max(0, -y); line < lineEnd; line++) {
        for (let column = columnBegin; column < columnEnd; column++) {
          const covered = cover[line * side + column];
          if (covered === 0) continue;
          const place = (y + line) * width + x + column;
          pixels[place] = blend(pixels[place], color, (alpha * covered) >> 8);
        }
      }
    }
  }

  private fillDisc(centreX: number, centreY: number, spans: Int32Array, color: number, alpha: number): void {
    const { pixels } = this;
    const { width, height } = this.image;
    const half = (spans.length - 1) / 2;
    if (!(centreX > -half && centreY > -half && centreX < width + half && centreY < height + half)) return;
    const x = centreX | 0;
    const y = centreY | 0;
    for (let line = -half; line <= half; line++) {
      const span = spans[line + half];
      if (span < 0 || y + line < 0 || y + line >= height) continue;
      const begin = (y + line) * width + Math.max(0, x - span);
      const end = (y + line) * width + Math.min(width - 1, x + span);
      for (let place = begin; place <= end; place++) pixels[place] = blend(pixels[place], color, alpha);
    }
  }

  // Squares with a depth for each pixel: what is behind stays behind.
  private drawSpace(frame: Frame): void {
    const { positions, colors, pixels } = this;
    const { width, height } = this.image;
    const { opacity } = frame;
    if (this.depth.length !== pixels.length) this.depth = new Float32Array(pixels.length);
    this.depth.fill(Infinity);
    const { depth } = this;
    const place = { x: 0, y: 0, w: 0 };
    const rowCount = Math.min(colors.length, positions.length / 3);
    for (let row = 0; row < rowCount; row++) {
      const color = colors[row];
      const alpha = ((color >>> 24) * opacity) | 0;
      if (alpha === 0 || !this.project(frame, row, place)) continue;
      const side = Math.max(1, Math.round(frame.sizePx * Math.min(3, Math.max(0.3, frame.perspective / place.w))));
      const x = (place.x - (side - 1) / 2) | 0;
      const y = (place.y - (side - 1) / 2) | 0;
      if (x < 0 || y < 0 || x > width - side || y > height - side) continue;
      for (let line = 0; line < side; line++) {
        for (let column = 0; column < side; column++) {
          // Without its corners it looks round.
          if (side > 2 && (line === 0 || line === side - 1) && (column === 0 || column === side - 1)) continue;
          const at = (y + line) * width + x + column;
          if (place.w > depth[at]) continue;
          depth[at] = place.w;
          pixels[at] = blend(pixels[at], color, alpha);
        }
      }
    }
  }

  private drawLit(frame: Frame): void {
    const ring = packColor(frame.ring);
    const few = this.lit.length < 5000;
    const outer = discSpans(frame.litSizePx);
    const inner = discSpans(frame.litSizePx * 0.76);
    const place = { x: 0, y: 0, w: 0 };
    for (const row of this.lit) {
      const color = this.colors[row] ?? 0;
      if (color >>> 24 === 0 || !this.project(frame, row, place)) continue;
      if (few) this.fillDisc(place.x, place.y, outer, ring, 256);
      this.fillDisc(place.x, place.y, few ? inner : outer, color, 256);
    }
  }

  // Pixel of a row; false where it lies behind the eye.
  private project({ matrix: m }: Frame, row: number, place: { x: number; y: number; w: number }): boolean {
    const { positions, dim } = this;
    const x = positions[row * dim];
    const y = positions[row * dim + 1];
    const z = dim === 3 ? positions[row * dim + 2] : 0;
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    if (w <= 0) return false;
    place.x = (((m[0] * x + m[4] * y + m[8] * z + m[12]) / w + 1) * this.image.width) / 2;
    place.y = ((1 - (m[1] * x + m[5] * y + m[9] * z + m[13]) / w) * this.image.height) / 2;
    place.w = w;
    return true;
  }

  // In 2-D a pixel is scale * position + shift, each axis for itself.
  private planeTransform(m: Float32Array): [number, number, number, number] {
    const { width, height } = this.image;
    return [(m[0] * width) / 2, ((m[12] + 1) * width) / 2, (-m[5] * height) / 2, ((1 - m[13]) * height) / 2];
  }

  release(): void {
    this.positions = new Float32Array(0);
    this.colors = new Uint32Array(0);
    this.lit = new Uint32Array(0);
  }
}
