// At the right: the pinned item with its neighbours, what was found, what is selected.

import { type SyntheticEvent, useEffect, useState } from "react";
import { createCollection, exportRows, pin, report, searchLikeRow, select } from "../state/actions";
import { formatCount } from "../state/histogram";
import { useAtlas, useStore } from "../state/store";
import { ItemCard, titleOf } from "./item_card";
import { ItemPicture } from "./item_picture";

export function RightPanel() {
  const pinned = useAtlas((state) => state.pinned);
  const results = useAtlas((state) => state.results);
  const selected = useAtlas((state) => state.selection.length > 0);
  if (pinned < 0 && !results && !selected) return null;
  return (
    <aside className="right" aria-label="Details">
      {pinned >= 0 && <PinnedItem row={pinned} />}
      {selected && <SelectionActions />}
      {results && <ResultList />}
    </aside>
  );
}

function PinnedItem({ row }: { row: number }) {
  const store = useStore();
  const dataset = useAtlas((state) => state.dataset);
  const neighbors = useAtlas((state) => state.neighbors);
  const [, setRead] = useState(-1);
  useEffect(() => {
    dataset?.readItems([row]).then(() => setRead(row)).catch((problem: unknown) => report(store, problem));
  }, [dataset, row, store]);
  const item = dataset?.knownItem(row);
  const falseCount = neighbors?.map_neighbors.filter((neighbor) => neighbor.false).length ?? 0;
  const mapCount = neighbors?.map_neighbors.length ?? 0;
  return (
    <section aria-label="Pinned item">
      <div className="section-head">
        <h2>Pinned</h2>
        <button type="button" aria-label="Unpin" onClick={() => store.set({ pinned: -1, neighbors: null })}>
          ✕
        </button>
      </div>
      {item ? <ItemCard item={item} /> : <p className="quiet">Reading…</p>}
      <div className="row">
        <button type="button" onClick={() => void searchLikeRow(store, row, item?.id ?? String(row))}>
          Find more like it
        </button>
      </div>
      <h3>Nearest in the original space</h3>
      {!neighbors && <p className="quiet">Looking…</p>}
      {neighbors && <RowList rows={neighbors.neighbors.map((neighbor) => ({ row: neighbor.row, value: neighbor.score.toFixed(3) }))} />}
      {mapCount > 0 && (
        <>
          <h3>Nearest on the map</h3>
          <p className="quiet">
            {falseCount === 0
              ? "All of them are near in truth too."
              : `${falseCount} of ${mapCount} are not near in truth: false neighbours, crossed on the map.`}
          </p>
          <RowList
            rows={(neighbors?.map_neighbors ?? []).map((neighbor) => ({
              row: neighbor.row,
              value: neighbor.false ? "✕ false" : `rank ${neighbor.rank ?? "–"}`,
            }))}
          />
        </>
      )}
    </section>
  );
}

interface ListedRow {
  row: number;
  value: string;
}

function RowList({ rows }: { rows: readonly ListedRow[] }) {
  const store = useStore();
  const dataset = useAtlas((state) => state.dataset);
  const [, setReadCount] = useState(0);
  const key = rows.map(({ row }) => row).join(",");
  useEffect(() => {
    const wanted = key === "" ? [] : key.split(",").map(Number);
    dataset?.readItems(wanted).then((items) => setReadCount(items.length)).catch((problem: unknown) => report(store, problem));
  }, [dataset, key, store]);
  return (
    <ol className="rows">
      {rows.map(({ row, value }) => {
        const item = dataset?.knownItem(row);
        return (
          <li key={row}>
            <button
              type="button"
              onClick={() => void pin(store, row)}
              onPointerEnter={() => store.set({ hovered: row })}
              onPointerLeave={() => store.set({ hovered: -1 })}
              onFocus={() => store.set({ hovered: row })}
              onBlur={() => store.set({ hovered: -1 })}
            >
              {item?.image && <ItemPicture row={row} sizePx={40} name={item.id} />}
              <span className="row-title">{titleOf(item, row)}</span>
              <span className="quiet">{value}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

const listedMax = 100;

function ResultList() {
  const store = useStore();
  const results = useAtlas((state) => state.results);
  if (!results) return null;
  const rows = Array.from(results.rows.subarray(0, listedMax), (row, place) => ({
    row,
    value: results.scores ? results.scores[place].toFixed(3) : "",
  }));
  return (
    <section aria-label="Results">
      <div className="section-head">
        <h2>{formatCount(results.rows.length)} found</h2>
        <button type="button" aria-label="Clear the search" onClick={() => store.set({ results: null, query: "" })}>
          ✕
        </button>
      </div>
      <p className="quiet">
        “{results.query}” · {results.tookMs.toFixed(0)} ms
      </p>
      {results.rows.length > 0 && (
        <div className="row">
          <button type="button" onClick={() => select(store, results.rows.slice().sort())}>
            Select them
          </button>
        </div>
      )}
      <RowList rows={rows} />
    </section>
  );
}

function SelectionActions() {
  const store = useStore();
  const selection = useAtlas((state) => state.selection);
  const manifest = useAtlas((state) => state.dataset?.manifest);
  const [naming, setNaming] = useState(false);
  const [busy, setBusy] = useState(false);
  const make = async (event: SyntheticEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const name = new FormData(event.currentTarget).get("name");
    if (typeof name !== "string" || !name.trim()) return;
    setBusy(true);
    if (await createCollection(store, name.trim(), selection)) setNaming(false);
    setBusy(false);
  };
  return (
    <section aria-label="Selection">
      <div className="section-head">
        <h2>{formatCount(selection.length)} selected</h2>
        <button type="button" aria-label="Clear the selection" onClick={() => select(store, new Uint32Array(0))}>
          ✕
        </button>
      </div>
      <p className="quiet">{((selection.length / (manifest?.row_count ?? 1)) * 100).toFixed(1)} % of all; the histograms compare them with the rest.</p>
      <div className="row">
        <button type="button" onClick={() => store.set({ table: true })}>
          Table
        </button>
        <button type="button" onClick={() => void exportRows(store, "csv", selection)}>
          CSV
        </button>
        {manifest?.writable && (
          <button type="button" aria-expanded={naming} onClick={() => setNaming(!naming)}>
            New collection…
          </button>
        )}
      </div>
      {naming && (
        <form className="row" onSubmit={(event) => void make(event)}>
          <input name="name" required pattern="[A-Za-z0-9_.\-]+" aria-label="Name of the new collection" placeholder="name" />
          <button type="submit" className="primary" disabled={busy}>
            {busy ? "Writing…" : "Make"}
          </button>
        </form>
      )}
    </section>
  );
}
