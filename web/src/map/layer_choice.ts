// Which way points are drawn: WebGL on a graphics card; our own pixels where the browser has no WebGL, or would compute
// it on the processor. `?renderer=webgl` and `?renderer=raster` in the address choose by hand.

import { type PointLayer, WebGlPointLayer } from "./point_layer";
import { RasterPointLayer } from "./raster_layer";

export type LayerKind = "webgl" | "raster";

export interface ChosenLayer {
  layer: PointLayer;
  kind: LayerKind;
}

export function chooseLayer(canvas: HTMLCanvasElement, wanted: string | null, onRestored: () => void): ChosenLayer | null {
  if (wanted !== "raster") {
    const layer = WebGlPointLayer.create(canvas, wanted === "webgl", onRestored);
    if (layer) return { layer, kind: "webgl" };
  }
  const layer = RasterPointLayer.create(canvas);
  return layer ? { layer, kind: "raster" } : null;
}
