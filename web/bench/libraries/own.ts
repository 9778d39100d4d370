import { WebGlPointLayer } from "../../src/map/point_layer";
import { offer, palette } from "./points";

offer((canvas) => {
  const layer = WebGlPointLayer.create(canvas, true, () => undefined);
  if (!layer) throw new Error("no WebGL 2");
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
