import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactElement } from "react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Column, Manifest } from "../../src/data/contract";
import type { AtlasSource } from "../../src/data/source";
import { Histograms } from "../../src/panels/histograms";
import { ItemCard } from "../../src/panels/item_card";
import { ItemTable } from "../../src/panels/item_table";
import { Legend } from "../../src/panels/legend";
import { Menu } from "../../src/panels/menu";
import { PaneBar } from "../../src/panels/pane_bar";
import { ProblemPage } from "../../src/panels/problem_page";
import { RightPanel } from "../../src/panels/right_panel";
import { SearchBox } from "../../src/panels/search_box";
import { Dataset } from "../../src/state/dataset";
import { type AtlasState, initialState, newPane, Store, StoreContext } from "../../src/state/store";
import { fakeSource, item, manifest, projection } from "./fixture";

afterEach(cleanup);

interface Given {
  state?: Partial<AtlasState>;
  source?: Partial<AtlasSource>;
  changes?: Partial<Manifest>;
}

async function show(element: (dataset: Dataset) => ReactElement, { state = {}, source = {}, changes = {} }: Given = {}) {
  const dataset = await Dataset.open(fakeSource(source, changes));
  const store = new Store({ ...initialState, dataset, panes: [newPane("umap")], ...state });
  render(<StoreContext value={store}>{element(dataset)}</StoreContext>);
  return store;
}

describe("the legend", () => {
  const byBrand: Partial<AtlasState> = { color: { kind: "column", name: "brand" } };

  it("lists values with counts, the missing last, and filters by them", async () => {
    const store = await show(() => <Legend />, { state: byBrand });
    const entries = screen.getAllByRole("listitem").map((entry) => entry.textContent);
    expect(entries).toEqual(["a2only", "b1only", "(missing)1only"]);
    fireEvent.click(screen.getByRole("checkbox", { name: /^b/ }));
    expect(store.get().filters).toEqual({ brand: { kind: "values", hidden: new Set([1]) } });
    fireEvent.click(screen.getByRole("button", { name: "Show only b" }));
    expect(store.get().filters).toEqual({ brand: { kind: "values", hidden: new Set([0, 0xffff]) } });
    fireEvent.click(screen.getByRole("button", { name: "All" }));
    expect(store.get().filters).toEqual({});
  });

  it("of 5,000 values shows a few dozen, and finds the others", async () => {
    const values = Array.from({ length: 5000 }, (_, code) => `v${code}`);
    const many: Column = { name: "brand", type: "category", values, counts: values.map(() => 1), missing: 0, distinct: 7000 };
    await show(() => <Legend />, { state: byBrand, changes: { columns: [many], row_count: 7000 } });
    expect(screen.getAllByRole("listitem").length).toBeLessThan(100);
    fireEvent.change(screen.getByRole("searchbox"), { target: { value: "v4999" } });
    expect(screen.getAllByRole("listitem")).toHaveLength(1);
    fireEvent.change(screen.getByRole("searchbox"), { target: { value: "other" } });
    expect(screen.getByRole("listitem").textContent).toContain("2,000 other values");
  });

  it("of distortion says what the colours mean", async () => {
    await show(() => <Legend />, { state: { color: { kind: "continuity" } } });
    expect(screen.getByText(/lost neighbours of theirs/)).toBeDefined();
  });
});

describe("histograms", () => {
  it("read their column, show the selected share, and filter by a bar", async () => {
    const columns = manifest().columns.slice(0, 1);
    const store = await show(() => <Histograms columns={columns} />, { state: { selection: Uint32Array.from([1, 2]) } });
    const bar = await screen.findByRole("button", { name: /^a/ });
    expect(bar.title).toBe("2 shown, 1 selected. Show or hide");
    fireEvent.click(bar);
    expect(store.get().filters).toEqual({ brand: { kind: "values", hidden: new Set([0]) } });
    await waitFor(() => expect(screen.getByRole("button", { name: /^a/ }).getAttribute("aria-pressed")).toBe("false"));
  });

  it("of numbers take bounds that are typed", async () => {
    const store = await show(() => <Histograms columns={manifest().columns.slice(1, 2)} />);
    const most = await screen.findByLabelText("price: at most");
    fireEvent.change(most, { target: { value: "12.5" } });
    fireEvent.blur(most);
    expect(store.get().filters).toEqual({ price: { kind: "range", min: 0, max: 12.5 } });
  });
});

describe("an item", () => {
  it("is text, whatever it holds", async () => {
    const hostile = '<img src=x onerror="alert(1)"><script>alert(1)</script>';
    const { container } = render(<ItemCard item={{ ...item(0, hostile), metadata: { [hostile]: hostile, list: [1, "<b>"] } }} />);
    expect(container.querySelector("img, script, b")).toBeNull();
    expect(screen.getAllByText(hostile)).toHaveLength(3);
    expect(screen.getByText('[1,"<b>"]')).toBeDefined();
    await Promise.resolve();
  });

  it("that was deleted since says so", async () => {
    await show(() => <ItemCard item={{ ...item(0), text: null, metadata: {}, gone: true }} />);
    expect(screen.getByText("Deleted since the map was opened")).toBeTruthy();
  });

  it("whose picture is broken says so", async () => {
    await show(() => <ItemCard item={{ ...item(1), image: true, text: null }} />);
    expect(await screen.findByRole("img", { name: "The picture of id-1 cannot be shown" })).toBeDefined();
  });
});

describe("the table", () => {
  it("of 100,000 items holds the rows in view, and Enter pins the one that was walked to", async () => {
    const store = await show(() => <ItemTable />, { changes: { row_count: 100_000 } });
    expect(screen.getByRole("heading").textContent).toBe("100,000 items");
    expect(screen.getAllByRole("row").length).toBeLessThan(60);
    await screen.findByText("id-3");
    const grid = screen.getByRole("grid");
    fireEvent.keyDown(grid, { key: "ArrowDown" });
    fireEvent.keyDown(grid, { key: "ArrowDown" });
    fireEvent.keyDown(grid, { key: "ArrowUp" });
    fireEvent.keyDown(grid, { key: "Enter" });
    expect(store.get().pinned).toBe(1);
  });

  it("of a million items reaches the last one within what browsers draw", async () => {
    const rowCount = 1_000_000;
    await show(() => <ItemTable />, { changes: { row_count: rowCount } });
    const grid = screen.getByRole("grid");
    const span = Number.parseFloat(screen.getAllByRole("rowgroup")[0].style.height);
    expect(span).toBeLessThan(17_000_000);
    grid.scrollTop = span - grid.clientHeight;
    fireEvent.scroll(grid);
    await screen.findByText(`id-${rowCount - 1}`);
    fireEvent.keyDown(grid, { key: "End" });
    expect(grid.getAttribute("aria-activedescendant")).toBe(`item-row-${rowCount - 1}`);
  });

  it("lists what is selected, before what is found", async () => {
    const results = { query: "x", rows: Uint32Array.from([3]), scores: null, tookMs: 0 };
    await show(() => <ItemTable />, { state: { results, selection: Uint32Array.from([0, 2]) } });
    expect(screen.getByRole("heading").textContent).toBe("2 selected");
  });
});

describe("what was found and pinned", () => {
  it("stands with its score; a pinned item with neighbours, false ones counted", async () => {
    const neighbors = {
      row: 0,
      neighbors: [{ row: 1, score: 0.91 }],
      map_neighbors: [{ row: 1, distance: 1, rank: 1, false: false }, { row: 2, distance: 2, rank: null, false: true }],
    };
    await show(() => <RightPanel />, { state: { pinned: 0, neighbors } });
    const pinned = screen.getByRole("region", { name: "Pinned item" });
    expect(await within(pinned).findAllByText("text 1")).toHaveLength(2);
    expect(within(pinned).getByText(/1 of 2 are not near in truth/)).toBeDefined();
    expect(within(pinned).getByText("✕ false")).toBeDefined();
  });

  it("a selection becomes a collection only where the server writes", async () => {
    const selection = Uint32Array.from([0, 1]);
    await show(() => <RightPanel />, { state: { selection }, changes: { writable: false } });
    expect(screen.queryByRole("button", { name: /New collection/ })).toBeNull();
    cleanup();
    const createCollection = vi.fn(() => Promise.resolve(2));
    const store = await show(() => <RightPanel />, { state: { selection }, source: { createCollection } });
    fireEvent.click(screen.getByRole("button", { name: /New collection/ }));
    fireEvent.change(screen.getByLabelText("Name of the new collection"), { target: { value: "part" } });
    fireEvent.submit(screen.getByLabelText("Name of the new collection"));
    await waitFor(() => expect(store.get().notice).toBe("Collection 'part' made with 2 items"));
    expect(createCollection).toHaveBeenCalledWith("part", selection);
  });
});

describe("the search", () => {
  it("offers what the collection can, and shows results", async () => {
    const store = await show(() => <SearchBox />);
    expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual(["meaning", "letters", "arithmetic"]);
    fireEvent.change(screen.getByRole("searchbox"), { target: { value: " red shoe " } });
    fireEvent.submit(screen.getByRole("search"));
    await waitFor(() => expect([...(store.get().results?.rows ?? [])]).toEqual([2, 0]));
    expect(store.get().query).toBe("red shoe");
    cleanup();
    await show(() => <SearchBox />, { changes: { search: { text: false, image: false, arithmetic: false } } });
    expect(screen.getAllByRole("option")).toHaveLength(1);
  });

  it("that fails says why, and keeps what was there", async () => {
    const search = () => Promise.reject(new Error("the model is gone"));
    const store = await show(() => <SearchBox />, { source: { search } });
    fireEvent.change(screen.getByRole("searchbox"), { target: { value: "red" } });
    fireEvent.submit(screen.getByRole("search"));
    await waitFor(() => expect(store.get().notice).toBe("the model is gone"));
    expect(store.get().results).toBeNull();
  });
});

describe("the bar of a map", () => {
  it("lists a series once, and its slider goes through the steps in order", async () => {
    const steps = [3, 1, 2].map((step) => projection(`s${step}`, { series: "training", series_step: step }));
    const projections = [projection("umap"), ...steps];
    const store = await show((dataset) => <PaneBar place={0} dataset={dataset} />, { changes: { projections }, state: { panes: [newPane("s1")] } });
    expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual(["umap · 2-D", "training · 2-D"]);
    fireEvent.change(screen.getByRole("slider"), { target: { value: "2" } });
    expect(store.get().panes[0].projection).toBe("s3");
  });

  it("measures a map that was not measured, when asked", async () => {
    let asked = 0;
    const unknown = projection("umap", { trustworthiness: null, continuity: null });
    const read = () => Promise.resolve(manifest({ projections: [asked++ === 0 ? unknown : projection("umap", { trustworthiness: 0.912 })] }));
    const store = await show((dataset) => <PaneBar place={0} dataset={dataset} />, { source: { manifest: read } });
    fireEvent.click(screen.getByRole("button", { name: "How good is this map?" }));
    await waitFor(() => expect(store.get().dataset?.manifest.projections[0].trustworthiness).toBe(0.912));
  });
});

describe("small parts", () => {
  it("a menu closes by Escape and gives the focus back", () => {
    render(<Menu title="Export">{() => <button type="button">CSV</button>}</Menu>);
    fireEvent.click(screen.getByRole("button", { name: /Export/ }));
    fireEvent.keyDown(screen.getByRole("button", { name: "CSV" }), { key: "Escape" });
    expect(screen.queryByRole("button", { name: "CSV" })).toBeNull();
    expect(document.activeElement?.textContent).toContain("Export");
  });

  it("a server with keys is given one, kept for the tab", () => {
    render(<ProblemPage problem={{ title: "The server asks for a key", message: "", stale: false, needsKey: true }} />);
    expect(screen.getByLabelText("Key of the server").getAttribute("type")).toBe("password");
  });
});
