// The items as a table: the way in for who does not see the map. Only the rows in view are in the page; arrow keys
// move, Enter pins.

import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { textOf } from "../data/csv";
import { pin, report } from "../state/actions";
import { passing } from "../state/filters";
import { formatCount } from "../state/histogram";
import { useAtlas, useStore } from "../state/store";
import { ItemPicture } from "./item_picture";

const rowPx = 34;
const aroundCount = 8;
const spanPxMax = 8_000_000; // browsers have a tallest element; Firefox's is 17 million pixels
const readDelayMs = 60;

// What is listed: the selection, else what was found, else all that passes the filters.
function useListedRows(): { rows: Uint32Array; what: string } {
  const rowCount = useAtlas((state) => state.dataset?.manifest.row_count ?? 0);
  const selection = useAtlas((state) => state.selection);
  const results = useAtlas((state) => state.results);
  const filters = useAtlas((state) => state.filters);
  const columns = useAtlas((state) => state.columns);
  return useMemo(() => {
    if (selection.length > 0) return { rows: selection, what: "selected" };
    if (results) return { rows: results.rows, what: "found" };
    const mask = passing(filters, columns, rowCount);
    const rows = new Uint32Array(rowCount).map((_, row) => row);
    return mask ? { rows: rows.filter((row) => mask[row]), what: "shown" } : { rows, what: "items" };
  }, [rowCount, selection, results, filters, columns]);
}

export function ItemTable() {
  const store = useStore();
  const dataset = useAtlas((state) => state.dataset);
  const pinned = useAtlas((state) => state.pinned);
  const { rows, what } = useListedRows();
  const [scrollTop, setScrollTop] = useState(0);
  const [height, setHeight] = useState(240);
  const [walkedTo, setCurrent] = useState(0);
  const current = Math.max(0, Math.min(walkedTo, rows.length - 1)); // lists become shorter
  const [, setReadCount] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  // Of many rows a pixel of the scroll bar is several of the list.
  const spanPx = Math.min(rows.length * rowPx, spanPxMax);
  const stretch = spanPx > height ? (rows.length * rowPx - height) / (spanPx - height) : 1;
  const scrolledPx = scrollTop * stretch;
  const begin = Math.max(0, Math.floor(scrolledPx / rowPx) - aroundCount);
  const end = Math.min(rows.length, Math.ceil((scrolledPx + height) / rowPx) + aroundCount);
  const inView = useMemo(() => Array.from(rows.subarray(begin, end)), [rows, begin, end]);
  useEffect(() => {
    if (scroller.current) setHeight(scroller.current.clientHeight);
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => {
      dataset?.readItems(inView).then((items) => setReadCount((count) => count + items.length)).catch((problem: unknown) => report(store, problem));
    }, readDelayMs);
    return () => clearTimeout(timer);
  }, [dataset, inView, store]);
  const keys = (dataset?.manifest.columns ?? []).map(({ name }) => name).slice(0, 8);
  const hasPictures = dataset?.manifest.kind === "image";

  const keyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(height / rowPx) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length };
    if (event.key === "Enter" && rows.length > 0) void pin(store, rows[current]);
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(rows.length - 1, current + steps[event.key]));
    setCurrent(next);
    store.set({ hovered: rows[next] });
    const element = scroller.current;
    if (!element) return;
    const top = next * rowPx;
    const scrolled = element.scrollTop * stretch;
    if (top < scrolled) element.scrollTop = top / stretch;
    else if (top + rowPx * 2 > scrolled + height) element.scrollTop = (top + rowPx * 2 - height) / stretch;
  };

  const widthPx = 16 + (hasPictures ? 56 : 0) + 132 + 320 + keys.length * 132; // as table.css has the cells

  return (
    <section className="table" aria-label="Table of items">
      <div className="section-head">
        <h2>
          {formatCount(rows.length)} {what}
        </h2>
        <button type="button" aria-label="Close the table" onClick={() => store.set({ table: false })}>
          ✕
        </button>
      </div>
      <div
        className="table-scroll"
        ref={scroller}
        role="grid"
        aria-rowcount={rows.length + 1}
        aria-label="Items. Arrow keys move, Enter pins"
        aria-activedescendant={`item-row-${current}`}
        tabIndex={0}
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
        onKeyDown={keyDown}
      >
        <div role="row" className="table-row table-head" aria-rowindex={1} style={{ minWidth: widthPx }}>
          {hasPictures && <span role="columnheader" className="cell-picture">picture</span>}
          <span role="columnheader">id</span>
          <span role="columnheader" className="cell-text">text</span>
          {keys.map((key) => (
            <span role="columnheader" key={key}>
              {key}
            </span>
          ))}
        </div>
        <div role="rowgroup" style={{ height: spanPx, position: "relative", minWidth: widthPx }}>
          {inView.map((row, place) => {
            const item = dataset?.knownItem(row);
            const at = begin + place;
            return (
              <div
                key={row}
                id={`item-row-${at}`}
                role="row"
                aria-rowindex={at + 2}
                aria-selected={at === current}
                className="table-row"
                data-pinned={row === pinned}
                style={{ top: at * rowPx - scrolledPx + scrollTop }}
                onClick={() => {
                  setCurrent(at);
                  void pin(store, row);
                }}
                onPointerEnter={() => store.set({ hovered: row })}
              >
                {hasPictures && (
                  <span role="gridcell" className="cell-picture">
                    <ItemPicture row={row} sizePx={30} name={item?.id ?? String(row)} />
                  </span>
                )}
                <span role="gridcell">{item?.id ?? "…"}</span>
                <span role="gridcell" className="cell-text">{item?.text ?? ""}</span>
                {keys.map((key) => (
                  <span role="gridcell" key={key}>
                    {textOf(item?.metadata[key])}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}
