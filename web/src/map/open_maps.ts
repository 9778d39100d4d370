// The maps that are on the page, for what works on a whole picture: export as PNG and SVG.

import type { MapPainter } from "./map_painter";

const openMaps = new Map<number, MapPainter>();

export function registerMap(place: number, painter: MapPainter): () => void {
  openMaps.set(place, painter);
  return () => {
    if (openMaps.get(place) === painter) openMaps.delete(place);
  };
}

export const mapAt = (place: number): MapPainter | undefined => openMaps.get(place);
