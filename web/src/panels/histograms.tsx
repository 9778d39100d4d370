// A histogram of every column: the shown items, and the share of the selected ones among them. A click on a bar filters
// by it; of numbers and dates a range is drawn.

import { type PointerEvent, useEffect, useMemo, useState } from "react";
import type { Column } from "../data/contract";
import { needColumn, setFilter } from "../state/actions";
import { passing } from "../state/filters";
import { type Bar, formatCount, formatValue, histogramOf } from "../state/histogram";
import { useAtlas, useStore } from "../state/store";

const openAtFirst = 4;

export function Histograms({ columns }: { columns: readonly Column[] }) {
  const rowCount = useAtlas((state) => state.dataset?.manifest.row_count ?? 0);
  const selection = useAtlas((state) => state.selection);
  const results = useAtlas((state) => state.results);
  const selected = useMemo(() => {
    const rows = selection.length > 0 ? selection : results?.rows;
    if (!rows || rows.length === 0) return null;
    const marks = new Uint8Array(rowCount);
    for (const row of rows) marks[row] = 1;
    return marks;
  }, [selection, results, rowCount]);
  return (
    <div className="histograms">
      {columns.map((column, place) => (
        <ColumnHistogram key={column.name} column={column} selected={selected} openAtFirst={place < openAtFirst} />
      ))}
    </div>
  );
}

interface ColumnProps {
  column: Column;
  selected: Uint8Array | null;
  openAtFirst: boolean;
}

function ColumnHistogram({ column, selected, openAtFirst: first }: ColumnProps) {
  const store = useStore();
  const [open, setOpen] = useState(first);
  const columns = useAtlas((state) => state.columns);
  const data = Object.hasOwn(columns, column.name) ? columns[column.name] : undefined;
  const filters = useAtlas((state) => state.filters);
  const rowCount = useAtlas((state) => state.dataset?.manifest.row_count ?? 0);
  useEffect(() => {
    // The map is drawn first.
    if (!open || data) return;
    const timer = setTimeout(() => void needColumn(store, column.name), 300);
    return () => clearTimeout(timer);
  }, [open, data, column.name, store]);
  const bars = useMemo(() => {
    if (!open || !data) return null;
    return histogramOf(column, data, passing(filters, columns, rowCount, column.name), selected);
  }, [open, data, column, filters, columns, rowCount, selected]);
  return (
    <details className="histogram" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {column.name}
        {column.name in filters && <span className="badge">filtered</span>}
      </summary>
      {open && !bars && <p className="quiet">Reading…</p>}
      {bars && (column.type === "category" ? <CategoryBars column={column} bars={bars} /> : <RangeBars column={column} bars={bars} />)}
    </details>
  );
}

const most = (bars: readonly Bar[], part: "all" | "selected"): number => Math.max(1, ...bars.map((bar) => bar[part]));

function CategoryBars({ column, bars }: { column: Column; bars: readonly Bar[] }) {
  const store = useStore();
  const filter = useAtlas((state) => state.filters[column.name]);
  const hidden = filter?.kind === "values" ? filter.hidden : null;
  const anySelected = bars.some((bar) => bar.selected > 0);
  const top = most(bars, "all");
  const topSelected = most(bars, "selected");
  const toggle = (code: number): void => {
    const next = new Set(hidden ?? []);
    if (!next.delete(code)) next.add(code);
    setFilter(store, column.name, { kind: "values", hidden: next });
  };
  return (
    <ul className="bars">
      {bars.map((bar) => (
        <li key={bar.code}>
          <button
            type="button"
            aria-pressed={!hidden?.has(bar.code)}
            title={`${formatCount(bar.all)} shown${anySelected ? `, ${formatCount(bar.selected)} selected` : ""}. Show or hide`}
            onClick={() => toggle(bar.code)}
          >
            <span className="bar-name">
              {bar.name || "(empty)"}
            </span>
            <span className="bar-track">
              <span className="bar-all" style={{ width: `${(bar.all / top) * 100}%` }} />
              {anySelected && <span className="bar-selected" style={{ width: `${(bar.selected / topSelected) * 100}%` }} />}
            </span>
            <span className="quiet">{formatCount(anySelected ? bar.selected : bar.all)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

const width = 240;
const height = 56;

function RangeBars({ column, bars }: { column: Column; bars: readonly Bar[] }) {
  const store = useStore();
  const filter = useAtlas((state) => state.filters[column.name]);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const [low, high] = [bars[0].min, bars[bars.length - 1].max];
  const anySelected = bars.some((bar) => bar.selected > 0);
  const [top, topSelected] = [most(bars, "all"), most(bars, "selected")];
  const step = width / bars.length;
  const valueAt = (event: PointerEvent<SVGSVGElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return low + Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * (high - low);
  };
  const finish = (): void => {
    if (!drag) return;
    const [min, max] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    const whole = max - min < (high - low) / 100;
    setFilter(store, column.name, whole ? null : { kind: "range", min, max });
    setDrag(null);
  };
  const range = drag
    ? { min: Math.min(drag.from, drag.to), max: Math.max(drag.from, drag.to) }
    : filter?.kind === "range"
      ? filter
      : null;
  const placeOf = (value: number): number => ((value - low) / (high - low || 1)) * width;
  const bound = (which: "min" | "max", text: string): void => {
    const value = column.type === "date" ? Date.parse(text) : Number(text);
    if (text === "" || !Number.isFinite(value)) return;
    setFilter(store, column.name, { kind: "range", min: range?.min ?? low, max: range?.max ?? high, [which]: value });
  };
  const written = (value: number): string => (column.type === "date" ? new Date(value).toISOString().slice(0, 10) : String(Number(value.toPrecision(6))));
  return (
    <div className="range-bars">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Histogram of ${column.name} from ${formatValue(column, low)} to ${formatValue(column, high)}`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: valueAt(event), to: valueAt(event) });
        }}
        onPointerMove={(event) => drag && setDrag({ ...drag, to: valueAt(event) })}
        onPointerUp={finish}
        onPointerCancel={() => setDrag(null)}
      >
        {bars.map((bar, place) => (
          <g key={place}>
            <rect className="bar-all" x={place * step} width={Math.max(1, step - 1)} y={height * (1 - bar.all / top)} height={(height * bar.all) / top} />
            {anySelected && (
              <rect
                className="bar-selected"
                x={place * step + step / 4}
                width={step / 2}
                y={height * (1 - bar.selected / topSelected)}
                height={(height * bar.selected) / topSelected}
              />
            )}
          </g>
        ))}
        {range && <rect className="brush" x={placeOf(range.min)} width={Math.max(1, placeOf(range.max) - placeOf(range.min))} y={0} height={height} />}
      </svg>
      <div className="bounds">
        {(["min", "max"] as const).map((which) => {
          const value = range?.[which] ?? (which === "min" ? low : high);
          return (
            <input
              key={`${which}${value}`}
              type={column.type === "date" ? "date" : "number"}
              step="any"
              aria-label={`${column.name}: ${which === "min" ? "at least" : "at most"}`}
              defaultValue={written(value)}
              onBlur={(event) => event.target.value !== written(value) && bound(which, event.target.value)}
              onKeyDown={(event) => event.key === "Enter" && bound(which, event.currentTarget.value)}
            />
          );
        })}
        {range && !drag && (
          <button type="button" onClick={() => setFilter(store, column.name, null)}>
            all
          </button>
        )}
      </div>
    </div>
  );
}
