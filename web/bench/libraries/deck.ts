import { Deck, OrthographicView } from "@deck.gl/core";
import { ScatterplotLayer } from "@deck.gl/layers";
import { offer, palette } from "./points";

offer((canvas) => {
  const zoom = Math.log2(canvas.height / 2);
  const deck = new Deck({
    canvas,
    width: canvas.width,
    height: canvas.height,
    useDevicePixels: 1,
    views: new OrthographicView({}),
    viewState: { target: [0, 0, 0], zoom },
    controller: false,
    layers: [],
  });
  return {
    show({ count, positions, codes }) {
      const colors = new Uint8Array(count * 4);
      for (let row = 0; row < count; row++) {
        colors.set(palette[codes[row] ?? 0] ?? [0, 0, 0], row * 4);
        colors[row * 4 + 3] = 153;
      }
      return new Promise((resolve) => {
        const attributes = {
          getPosition: { value: positions, size: 2 },
          getFillColor: { value: colors, size: 4 },
        };
        deck.setProps({
          layers: [
            new ScatterplotLayer({
              id: "points",
              data: { length: count, attributes },
              getRadius: 1,
              radiusUnits: "pixels",
              antialiasing: false,
            }),
          ],
          onAfterRender: () => {
            resolve();
          },
        });
        deck.redraw("first");
      });
    },
    pan(x, y) {
      deck.setProps({ viewState: { target: [x, y, 0], zoom } });
      deck.redraw("pan");
    },
  };
});
