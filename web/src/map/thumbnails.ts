// Pictures on the map once points stand far enough apart: one a cell of the view, from sprites while there are many,
// each by itself when few are left. A picture that cannot be read is drawn as a crossed frame.

import { type AtlasSource, spritePictureCount, spriteSide } from "../data/source";
import { fromPixel, type Camera, type Viewport, toPixel } from "./camera";
import type { Scene } from "./scene";
import type { SpatialGrid } from "./spatial_grid";

const cellPx = 46;
const pointsPerCellMax = 12;
const singlesMax = 140;
const cacheMax = 600;

type Slot = HTMLImageElement | "loading" | "broken";

export interface PlacedPicture {
  row: number;
  x: number;
  y: number;
  sizePx: number;
}

// Which rows are drawn as pictures, none over another: none at all while most cells of the view hold many points.
export function placePictures(
  scene: Scene,
  grid: SpatialGrid,
  camera: Camera,
  matrix: Float32Array,
  view: Viewport,
  shown: (row: number) => boolean,
): PlacedPicture[] {
  const from = fromPixel(camera, view, 0, view.height);
  const to = fromPixel(camera, view, view.width, 0);
  const cells = new Map<number, PlacedPicture>();
  const columns = Math.ceil(view.width / cellPx);
  const budget = columns * Math.ceil(view.height / cellPx) * pointsPerCellMax;
  let seen = 0;
  for (const row of grid.candidates(from.x, from.y, to.x, to.y)) {
    if (!shown(row)) continue;
    const pixel = toPixel(matrix, view, scene.positions[row * 2], scene.positions[row * 2 + 1]);
    if (!pixel.visible) continue;
    if (++seen > budget) return [];
    const cell = Math.floor(pixel.y / cellPx) * columns + Math.floor(pixel.x / cellPx);
    if (!cells.has(cell) && !isCovered(cells, cell, columns, pixel)) cells.set(cell, { row, x: pixel.x, y: pixel.y, sizePx: cellPx - 4 });
  }
  if (seen > cells.size * pointsPerCellMax) return [];
  return [...cells.values()];
}

// By a picture of one of the eight cells around.
function isCovered(cells: Map<number, PlacedPicture>, cell: number, columns: number, { x, y }: { x: number; y: number }): boolean {
  for (let line = -columns; line <= columns; line += columns) {
    for (let column = -1; column <= 1; column++) {
      const other = cells.get(cell + line + column);
      if (other && Math.abs(other.x - x) < cellPx + 2 && Math.abs(other.y - y) < cellPx + 2) return true;
    }
  }
  return false;
}

export class ThumbnailCache {
  private readonly source: AtlasSource;
  private readonly onLoad: () => void;
  private readonly singles = new Map<number, Slot>();
  private readonly sprites = new Map<number, Slot>();

  constructor(source: AtlasSource, onLoad: () => void) {
    this.source = source;
    this.onLoad = onLoad;
  }

  draw(context: CanvasRenderingContext2D, pictures: readonly PlacedPicture[], frameColor: (row: number) => string): void {
    for (const picture of pictures) {
      const half = picture.sizePx / 2;
      const [x, y] = [picture.x - half, picture.y - half];
      context.fillStyle = frameColor(picture.row);
      context.fillRect(x - 2, y - 2, picture.sizePx + 4, picture.sizePx + 4);
      this.drawOne(context, picture, x, y, pictures.length <= singlesMax);
    }
  }

  private drawOne(context: CanvasRenderingContext2D, { row, sizePx }: PlacedPicture, x: number, y: number, single: boolean) {
    const slot = single ? this.single(row) : null;
    if (slot instanceof HTMLImageElement) {
      const side = Math.min(slot.naturalWidth, slot.naturalHeight);
      const [left, top] = [(slot.naturalWidth - side) / 2, (slot.naturalHeight - side) / 2];
      context.drawImage(slot, left, top, side, side, x, y, sizePx, sizePx);
    } else if (slot === "broken") {
      drawBroken(context, x, y, sizePx);
    } else {
      const sprite = this.sprite(Math.floor(row / spritePictureCount));
      const place = row % spritePictureCount;
      context.fillStyle = "#8884";
      if (!(sprite instanceof HTMLImageElement)) context.fillRect(x, y, sizePx, sizePx);
      else {
        const side = sprite.naturalWidth / spriteSide;
        const [left, top] = [(place % spriteSide) * side, Math.floor(place / spriteSide) * side];
        context.drawImage(sprite, left, top, side, side, x, y, sizePx, sizePx);
      }
    }
  }

  private single(row: number): Slot {
    const known = this.singles.get(row);
    if (known) return known;
    if (this.singles.size > cacheMax) this.singles.clear();
    this.load(this.singles, row, this.source.thumbnail(row, 64));
    return "loading";
  }

  private sprite(index: number): Slot {
    const known = this.sprites.get(index);
    if (known) return known;
    this.load(this.sprites, index, this.source.sprite(index));
    return "loading";
  }

  private load(slots: Map<number, Slot>, key: number, url: Promise<string | null>): void {
    slots.set(key, "loading");
    const image = new Image();
    const done = (slot: Slot): void => {
      slots.set(key, slot);
      this.onLoad();
    };
    image.onload = () => done(image);
    image.onerror = () => done("broken");
    url.then(
      (address) => {
        if (address) image.src = address;
      },
      () => done("broken"),
    );
  }
}

export function drawBroken(context: CanvasRenderingContext2D, x: number, y: number, sizePx: number): void {
  context.fillStyle = "#9993";
  context.fillRect(x, y, sizePx, sizePx);
  context.strokeStyle = "#999";
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, sizePx - 1, sizePx - 1);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + sizePx, y + sizePx);
  context.moveTo(x + sizePx, y);
  context.lineTo(x, y + sizePx);
  context.stroke();
}
