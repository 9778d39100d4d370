import createScatterplot from "regl-scatterplot";
import { offer, palette } from "./points";

offer((canvas) => {
  const plot = createScatterplot({
    canvas,
    width: canvas.width,
    height: canvas.height,
    pointSize: 2,
    opacity: 0.6,
    colorBy: "category",
    pointColor: palette.map(([r, g, b]) => [r / 255, g / 255, b / 255, 1]),
    backgroundColor: "#ffffff",
  });
  return {
    async show({ count, positions, codes }) {
      const x = new Float32Array(count);
      const y = new Float32Array(count);
      for (let row = 0; row < count; row++) {
        x[row] = positions[row * 2] ?? 0;
        y[row] = positions[row * 2 + 1] ?? 0;
      }
      await plot.draw({ x, y, z: codes });
    },
    pan(x, y) {
      void plot.zoomToLocation([x, y], 1, { transition: false });
    },
  };
});
