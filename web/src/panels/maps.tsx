// One map or two, with the colours that both show.

import { useEffect, useMemo, useState } from "react";
import type { ColorBy } from "../color/coloring";
import { MapView } from "../map/map_view";
import { rowColors } from "../map/row_colors";
import { passing } from "../state/filters";
import { messageOf } from "../data/source";
import { useAtlas, useStore } from "../state/store";
import { MapTools } from "./map_tools";
import { PaneBar } from "./pane_bar";

// What colours the points; null while its values are read.
function useColorBy(): ColorBy | null {
  const store = useStore();
  const dataset = useAtlas((state) => state.dataset);
  const color = useAtlas((state) => state.color);
  const columns = useAtlas((state) => state.columns);
  const projection = useAtlas((state) => state.panes[0].projection);
  const [distortion, setDistortion] = useState<{ projection: string; data: Float32Array } | null>(null);
  const wanted = color.kind === "trust" || color.kind === "continuity";
  useEffect(() => {
    if (!wanted || !dataset) return;
    dataset.distortion(projection).then(
      (data) => setDistortion({ projection, data }),
      (problem: unknown) => store.set({ color: { kind: "plain" }, notice: messageOf(problem) }),
    );
  }, [wanted, dataset, projection, store]);
  return useMemo(() => {
    if (color.kind === "plain") return { kind: "plain" };
    if (color.kind === "column") {
      const column = dataset?.manifest.columns.find(({ name }) => name === color.name);
      return column && color.name in columns ? { kind: "column", column, data: columns[color.name] } : null;
    }
    const { kind: part } = color;
    return distortion?.projection === projection ? { kind: "distortion", part, data: distortion.data } : null;
  }, [color, dataset, columns, distortion, projection]);
}

export function Maps() {
  const dataset = useAtlas((state) => state.dataset);
  const comparison = useAtlas((state) => state.comparison);
  const paneCount = useAtlas((state) => state.panes.length);
  const secondIsOther = useAtlas((state) => state.panes.at(1)?.other ?? false);
  const columns = useAtlas((state) => state.columns);
  const filters = useAtlas((state) => state.filters);
  const selection = useAtlas((state) => state.selection);
  const results = useAtlas((state) => state.results);
  const dark = useAtlas((state) => state.dark);
  const by = useColorBy();
  const rowCount = dataset?.manifest.row_count ?? 0;
  const mask = useMemo(() => passing(filters, columns, rowCount), [filters, columns, rowCount]);
  const colors = useMemo(
    () => rowColors(rowCount, by ?? { kind: "plain" }, { mask, selection, results: results?.rows ?? null }, dark),
    [rowCount, by, mask, selection, results, dark],
  );
  if (!dataset) return null;
  return (
    <main className="maps" data-panes={paneCount}>
      {Array.from({ length: paneCount }, (_, place) => {
        const shown = place === 1 && secondIsOther ? comparison?.dataset : dataset;
        if (!shown) return null;
        return (
          <section key={place} className="pane" aria-label={place === 0 ? "Map" : "Second map"}>
            <PaneBar place={place} dataset={shown} />
            <MapView place={place} dataset={shown} colors={colors} />
          </section>
        );
      })}
      <MapTools />
    </main>
  );
}
