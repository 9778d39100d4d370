// At the left: what colours the points, the legend, what lies over the map, and a histogram of every column.

import { useState } from "react";
import { colorBy } from "../state/actions";
import { type ColorChoice, useAtlas, useStore } from "../state/store";
import { Histograms } from "./histograms";
import { Legend } from "./legend";

function choiceOf(value: string): ColorChoice {
  if (value === "~trust") return { kind: "trust" };
  if (value === "~continuity") return { kind: "continuity" };
  return value.startsWith(":") ? { kind: "column", name: value.slice(1) } : { kind: "plain" };
}

const valueOf = (color: ColorChoice): string =>
  color.kind === "column" ? `:${color.name}` : color.kind === "plain" ? "" : `~${color.kind}`;

export function SidePanel() {
  const store = useStore();
  const [open, setOpen] = useState(false); // on a phone it is folded
  const color = useAtlas((state) => state.color);
  const manifest = useAtlas((state) => state.dataset?.manifest);
  const isLocal = useAtlas((state) => state.dataset?.source.kind === "local");
  const filtered = useAtlas((state) => Object.keys(state.filters).length);
  if (!manifest) return null;
  const columns = manifest.columns.filter(({ type }) => type !== "text");
  return (
    <aside className="side" aria-label="Colours and filters" data-open={open}>
      <button type="button" className="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        Colours and filters {filtered > 0 ? `(${filtered})` : ""} {open ? "▾" : "▴"}
      </button>
      <div className="side-content">
        <label className="field">
          <span>Colour by</span>
          <select value={valueOf(color)} onChange={(event) => void colorBy(store, choiceOf(event.target.value))}>
            <option value="">nothing</option>
            {columns.map(({ name }) => (
              <option key={name} value={`:${name}`}>
                {name}
              </option>
            ))}
            {!isLocal && (
              <optgroup label="How far to believe the map">
                <option value="~trust">trust: near here is near in truth</option>
                <option value="~continuity">continuity: near in truth is near here</option>
              </optgroup>
            )}
          </select>
        </label>
        <Legend />
        <Toggles />
        {filtered > 0 && (
          <button type="button" className="wide" onClick={() => store.set({ filters: {} })}>
            Show everything again
          </button>
        )}
        <Histograms columns={columns} />
      </div>
    </aside>
  );
}

type Switch = "contours" | "labels" | "pictures" | "falseNeighbors";

function Toggles() {
  const store = useStore();
  const manifest = useAtlas((state) => state.dataset?.manifest);
  const toggles: [Switch, string, boolean][] = [
    ["labels", manifest?.thumbnails ? "Pictures of regions" : "Names of regions", manifest?.labels ?? false],
    ["contours", "Lines of density", true],
    ["pictures", "Pictures when near", manifest?.thumbnails ?? false],
    ["falseNeighbors", "Mark false neighbours", true],
  ];
  return (
    <fieldset className="toggles">
      <legend className="unseen">On the map</legend>
      {toggles.map(([key, name, there]) => there && <Toggle key={key} name={name} state={key} set={(on) => store.set({ [key]: on })} />)}
    </fieldset>
  );
}

function Toggle({ name, state, set }: { name: string; state: Switch; set: (on: boolean) => void }) {
  const on = useAtlas((atlas) => atlas[state]);
  return (
    <label className="toggle">
      <input type="checkbox" checked={on} onChange={(event) => set(event.target.checked)} />
      {name}
    </label>
  );
}
