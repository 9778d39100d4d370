// How large and how solid a point is, by how many there are and how near one looks.

import type { Viewport } from "./camera";

export function pointSize(rowCount: number, zoom: number): number {
  const atHome = Math.max(1.5, Math.min(9, 9 * (500 / Math.max(1, rowCount)) ** 0.28));
  return Math.min(12, atHome * Math.max(1, zoom) ** 0.4);
}

// Where points would cover much of the view they become see-through, so that dense places still show as such.
export function pointOpacity(rowCount: number, zoom: number, sizePx: number, view: Viewport): number {
  const cover = (rowCount * sizePx * sizePx) / (view.width * view.height * Math.max(1, zoom * zoom));
  return Math.max(0.22, Math.min(0.92, 0.92 * (0.06 / Math.max(0.06, cover)) ** 0.4));
}
