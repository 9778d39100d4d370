// Buttons over the map: what dragging does, nearer and farther, the whole map.

import { fitted, homeCamera, zoomed } from "../map/camera";
import { mapAt } from "../map/open_maps";
import { type Tool, useAtlas, useStore } from "../state/store";

const tools: readonly { tool: Tool; name: string; sign: string }[] = [
  { tool: "pan", name: "Move", sign: "M12 2l3 4h-2v5h5V9l4 3-4 3v-2h-5v5h2l-3 4-3-4h2v-5H6v2l-4-3 4-3v2h5V6H9z" },
  { tool: "box", name: "Select a box", sign: "M3 3h4v2H5v2H3zM17 3h4v4h-2V5h-2zM3 17h2v2h2v2H3zM19 17h2v4h-4v-2h2zM10 3h4v2h-4zM10 19h4v2h-4zM3 10h2v4H3zM19 10h2v4h-2z" },
  { tool: "lasso", name: "Select with a lasso", sign: "M12 3C6.500 3 2 6 2 10c0 2.300 1.500 4.300 3.800 5.500-.5 1.900-1.500 3.300-2.800 4l.8 1.800c2-1 3.400-2.900 4-5.100 1.300.4 2.700.6 4.200.6 5.500 0 10-3 10-6.800S17.500 3 12 3zm0 2c4.400 0 8 2.200 8 5s-3.600 5-8 5c-1.300 0-2.600-.2-3.700-.6.1-2.200-1-3.700-2.300-3.900C5 6.800 8.300 5 12 5z" },
];

export function MapTools() {
  const store = useStore();
  const current = useAtlas((state) => state.tool);
  const zoom = (factor: number): void => {
    store.get().panes.forEach((pane, place) => {
      const view = mapAt(place)?.view ?? { width: 1, height: 1 };
      const { dataset } = store.get();
      const dim = dataset?.manifest.projections.find(({ name }) => name === pane.projection)?.dim ?? 2;
      store.setCamera(place, zoomed(pane.camera, view, factor, view.width / 2, view.height / 2, dim));
    });
  };
  const home = async (): Promise<void> => {
    const { panes, selection, results, dataset } = store.get();
    const rows = results?.rows.length ? results.rows : selection;
    for (const [place, pane] of panes.entries()) {
      const scene = pane.other ? null : await dataset?.scene(pane.projection);
      const view = mapAt(place)?.view;
      const fit = rows.length > 0 && scene?.dim === 2 && view && pane.camera.zoom <= 1.001;
      store.setCamera(place, fit ? fitted(scene.positions, rows, view) : homeCamera);
    }
  };
  return (
    <div className="map-tools" role="toolbar" aria-label="Map">
      {tools.map(({ tool, name, sign }) => (
        <button key={tool} type="button" title={name} aria-label={name} aria-pressed={tool === current} onClick={() => store.set({ tool })}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={sign} />
          </svg>
        </button>
      ))}
      <button type="button" title="Nearer (+)" aria-label="Zoom in" onClick={() => zoom(1.6)}>
        +
      </button>
      <button type="button" title="Farther (-)" aria-label="Zoom out" onClick={() => zoom(1 / 1.6)}>
        −
      </button>
      <button type="button" title="The whole map; again: what is selected or found (0)" aria-label="Fit the view" onClick={() => void home()}>
        ⤢
      </button>
    </div>
  );
}
