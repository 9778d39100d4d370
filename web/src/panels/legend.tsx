// What the colours mean. Values of a category are switched on and off here; thousands of them are searched.

import { useMemo, useState } from "react";
import { codeColor, rampOf, rangeOf } from "../color/coloring";
import { cssOf, rampCss } from "../color/palette";
import { type CategoryColumn, type Column, missingCode, otherCode } from "../data/contract";
import { setFilter } from "../state/actions";
import { formatCount, formatValue } from "../state/histogram";
import { useAtlas, useStore } from "../state/store";

const shownMax = 60;

export function Legend() {
  const color = useAtlas((state) => state.color);
  const column = useAtlas((state) =>
    color.kind === "column" ? state.dataset?.manifest.columns.find(({ name }) => name === color.name) : undefined,
  );
  if (color.kind === "trust" || color.kind === "continuity") return <DistortionLegend kind={color.kind} />;
  if (!column) return null;
  return column.type === "category" ? <CategoryLegend key={column.name} column={column} /> : <RangeLegend column={column} />;
}

function DistortionLegend({ kind }: { kind: "trust" | "continuity" }) {
  const meaning =
    kind === "trust"
      ? "Dark points have neighbours here that are not their neighbours in truth."
      : "Dark points have lost neighbours of theirs to other places of the map.";
  return (
    <div className="legend">
      <div className="ramp" style={{ background: rampCss("cividis") }} />
      <div className="ramp-ends">
        <span>0 not to be believed</span>
        <span>1 right</span>
      </div>
      <p className="quiet">{meaning}</p>
    </div>
  );
}

function RangeLegend({ column }: { column: Column }) {
  const [min, max] = rangeOf(column);
  const missing = "missing" in column ? column.missing : 0;
  return (
    <div className="legend">
      <div className="ramp" style={{ background: rampCss(rampOf({ kind: "plain" })) }} />
      <div className="ramp-ends">
        <span>{formatValue(column, min)}</span>
        <span>{formatValue(column, max)}</span>
      </div>
      {missing > 0 && <p className="quiet">{formatCount(missing)} without a value are grey.</p>}
    </div>
  );
}

interface Entry {
  code: number;
  name: string;
  count: number;
}

function entriesOf(column: CategoryColumn, rowCount: number): Entry[] {
  const entries = column.values.map((name, code) => ({ code, name, count: column.counts[code] ?? 0 }));
  const listed = entries.reduce((sum, { count }) => sum + count, 0);
  const others = rowCount - listed - column.missing;
  if (others > 0) {
    entries.push({ code: otherCode, name: `${formatCount(column.distinct - column.values.length)} other values`, count: others });
  }
  if (column.missing > 0) entries.push({ code: missingCode, name: "(missing)", count: column.missing });
  return entries;
}

function CategoryLegend({ column }: { column: CategoryColumn }) {
  const store = useStore();
  const dark = useAtlas((state) => state.dark);
  const rowCount = useAtlas((state) => state.dataset?.manifest.row_count ?? 0);
  const filter = useAtlas((state) => state.filters[column.name]);
  const [wanted, setWanted] = useState("");
  const entries = useMemo(() => entriesOf(column, rowCount), [column, rowCount]);
  const hidden = filter?.kind === "values" ? filter.hidden : new Set<number>();
  const found = entries.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
  const set = (codes: Iterable<number>): void => setFilter(store, column.name, { kind: "values", hidden: new Set(codes) });
  const toggle = (code: number): void => set(hidden.has(code) ? [...hidden].filter((other) => other !== code) : [...hidden, code]);
  const only = (codes: readonly number[]): void => set(entries.map(({ code }) => code).filter((code) => !codes.includes(code)));
  return (
    <div className="legend">
      {entries.length > 12 && (
        <input
          type="search"
          aria-label={`Search the ${formatCount(entries.length)} values of ${column.name}`}
          placeholder={`Search ${formatCount(entries.length)} values`}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      )}
      <ul className="entries" tabIndex={0} aria-label={`Values of ${column.name}`}>
        {found.slice(0, shownMax).map(({ code, name, count }) => (
          <li key={code}>
            <label>
              <input type="checkbox" checked={!hidden.has(code)} onChange={() => toggle(code)} />
              <span className="swatch" style={{ background: cssOf(codeColor(code, dark)) }} />
              <span className="entry-name" title={name}>
                {name || "(empty)"}
              </span>
              <span className="quiet">{formatCount(count)}</span>
            </label>
            <button type="button" className="only" aria-label={`Show only ${name || "the empty value"}`} onClick={() => only([code])}>
              only
            </button>
          </li>
        ))}
      </ul>
      {found.length > shownMax && <p className="quiet">{formatCount(found.length - shownMax)} more: search for them</p>}
      {found.length === 0 && <p className="quiet">No value has these letters.</p>}
      <div className="row">
        {hidden.size > 0 && (
          <button type="button" onClick={() => set([])}>
            All
          </button>
        )}
        {wanted && found.length > 0 && (
          <button type="button" onClick={() => only(found.map(({ code }) => code))}>
            Only these {formatCount(found.length)}
          </button>
        )}
      </div>
    </div>
  );
}
