// Above a map: which projection, how far it can be believed, and the slider through a series.

import { useEffect, useRef, useState } from "react";
import type { Projection } from "../data/contract";
import { measureMap, showProjection } from "../state/actions";
import type { Dataset } from "../state/dataset";
import { useAtlas, useStore } from "../state/store";

const stepMs = 900;

function stepsOf(projections: readonly Projection[], current: Projection | undefined): Projection[] {
  if (!current?.series) return [];
  return projections
    .filter(({ series }) => series === current.series)
    .sort((a, b) => (a.series_step ?? 0) - (b.series_step ?? 0));
}

// Steps of a series are reached by the slider; the list names each series once.
function listed(projections: readonly Projection[], current: string): Projection[] {
  const seen = new Set<string>();
  const shown = projections.find(({ name }) => name === current);
  return projections.filter((projection) => {
    if (projection.series === null) return true;
    if (projection.series === shown?.series) return projection.name === current;
    if (seen.has(projection.series)) return false;
    seen.add(projection.series);
    return true;
  });
}

export function PaneBar({ place, dataset }: { place: number; dataset: Dataset }) {
  const store = useStore();
  const name = useAtlas((state) => state.panes[place].projection);
  const { projections, collection } = dataset.manifest;
  const current = projections.find((projection) => projection.name === name);
  const steps = stepsOf(projections, current);
  const [measuring, setMeasuring] = useState(false);
  const measure = async (): Promise<void> => {
    setMeasuring(true);
    await measureMap(store, name);
    setMeasuring(false);
  };
  const percent = (share: number | null): string => (share === null ? "–" : share.toFixed(3));
  return (
    <div className="pane-bar">
      <label>
        <span className="quiet">{place === 0 ? "Map" : collection}</span>
        <select value={name} onChange={(event) => showProjection(store, place, event.target.value)}>
          {listed(projections, name).map((projection) => (
            <option key={projection.name} value={projection.name}>
              {projection.series ?? projection.name} · {projection.dim}-D
            </option>
          ))}
        </select>
      </label>
      {current?.trustworthiness === null && place === 0 && dataset.source.kind === "server" && (
        <button type="button" className="quality" disabled={measuring} onClick={() => void measure()}>
          {measuring ? "Measuring…" : "How good is this map?"}
        </button>
      )}
      {current && current.trustworthiness !== null && (
        <span className="quiet quality" title="How far the map can be believed: 1 is perfect. Trustworthiness: what is near on the map is near in truth. Continuity: what is near in truth is near on the map.">
          trust {percent(current.trustworthiness)} · continuity {percent(current.continuity)}
        </span>
      )}
      {current?.stale && (current.series === null || current.version === dataset.manifest.version) && (
        <span className="badge">older than the items</span>
      )}
      {steps.length > 1 && <StepSlider place={place} steps={steps} name={name} />}
    </div>
  );
}

const labelOf = (step: Projection, place: number): string => step.series_label ?? `step ${step.series_step ?? place + 1}`;

function StepSlider({ place, steps, name }: { place: number; steps: readonly Projection[]; name: string }) {
  const store = useStore();
  const [playing, setPlaying] = useState(false);
  const shown = Math.max(0, steps.findIndex((step) => step.name === name));
  // A step of another version takes a moment: the slider is where it was put meanwhile.
  const [wanted, setWanted] = useState(shown);
  useEffect(() => setWanted(shown), [shown]);
  const go = (at: number): void => {
    setWanted(at);
    showProjection(store, place, steps[at].name);
  };
  const goRef = useRef(go);
  goRef.current = go;
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => goRef.current((shown + 1) % steps.length), stepMs);
    return () => clearTimeout(timer);
  }, [playing, shown, steps.length]);
  const label = labelOf(steps[wanted] ?? steps[shown], wanted);
  return (
    <div className="steps" aria-busy={wanted !== shown}>
      <button type="button" aria-label={playing ? "Stop" : "Play the series"} onClick={() => setPlaying(!playing)}>
        {playing ? "❚❚" : "▶"}
      </button>
      <input
        type="range"
        min={0}
        max={steps.length - 1}
        value={wanted}
        aria-label="Step of the series"
        aria-valuetext={`${label}, ${wanted + 1} of ${steps.length}`}
        onChange={(event) => go(Number(event.target.value))}
      />
      <output title={label}>{label}</output>
    </div>
  );
}
