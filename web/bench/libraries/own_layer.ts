import type { PointLayer } from "../../src/map/point_layer";
import { offer, palette } from "./points";

/** Offers a layer of this project's own to the bench; `create` gives null where the browser can not have it. */
export function offerLayer(create: (canvas: HTMLCanvasElement) => PointLayer | null): void {
  offer((canvas) => {
    const layer = create(canvas);
    if (!layer) throw new Error("this browser can not draw it");
    const aspect = canvas.width / canvas.height;
    const pan = (x: number, y: number): void => {
      const matrix = new Float32Array([1 / aspect, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -x / aspect, -y, 0, 1]);
      const background = [1, 1, 1] as const;
      layer.draw({ matrix, sizePx: 2, litSizePx: 6, opacity: 0.6, perspective: 0, background, ring: [0, 0, 0] });
    };
    return {
      show({ count, positions, codes }) {
        const colors = new Uint8Array(count * 4);
        for (let row = 0; row < count; row++) {
          colors.set(palette[codes[row] ?? 0] ?? [0, 0, 0], row * 4);
          colors[row * 4 + 3] = 255;
        }
        layer.setPositions(positions, 2);
        layer.setColors(colors);
        pan(0, 0);
        return Promise.resolve();
      },
      pan,
    };
  });
}
