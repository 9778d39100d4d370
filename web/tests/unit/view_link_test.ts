import { describe, expect, it } from "vitest";
import { Dataset } from "../../src/state/dataset";
import { initialState, newPane } from "../../src/state/store";
import { decodeView, encodeView } from "../../src/state/view_link";
import { fakeSource } from "./fixture";

const open = () => Dataset.open(fakeSource());

describe("the view in a link", () => {
  it("comes back: maps, colour, selection, filters, search, pinned item", async () => {
    const dataset = await open();
    const pane = newPane("pca");
    const text = encodeView({
      ...initialState,
      dataset,
      panes: [{ ...pane, camera: { x: 0.25, y: -0.5, zoom: 4, yaw: 1, pitch: -0.3 } }, newPane("umap")],
      color: { kind: "trust" },
      selection: Uint32Array.from([1, 3]),
      filters: { brand: { kind: "values", hidden: new Set([1]) }, price: { kind: "range", min: -2.5, max: 20 } },
      pinned: 2,
      query: "red & <b>",
      searchMode: "contains",
      results: { query: "red", rows: new Uint32Array(0), scores: null, tookMs: 0 },
      theme: "dark",
    });
    const view = decodeView(`#${text}`, dataset);
    expect(view.panes?.map(({ projection }) => projection)).toEqual(["pca", "umap"]);
    expect(view.panes?.[0].camera).toEqual({ x: 0.25, y: -0.5, zoom: 4, yaw: 1, pitch: -0.3 });
    expect(view.color).toEqual({ kind: "trust" });
    expect([...(view.selection ?? [])]).toEqual([1, 3]);
    expect(view.filters).toEqual({ brand: { kind: "values", hidden: new Set([1]) }, price: { kind: "range", min: -2.5, max: 20 } });
    expect(view).toMatchObject({ pinned: 2, query: "red & <b>", searchMode: "contains", theme: "dark" });
  });

  it("without anything shows the first map by the first column", async () => {
    const view = decodeView("", await open());
    expect(view.panes?.[0].projection).toBe("umap");
    expect(view.color).toEqual({ kind: "column", name: "brand" });
    expect(view.panes?.[0].camera).toEqual(newPane("umap").camera);
  });

  it("of what is no longer there falls back", async () => {
    const view = decodeView("#p=gone&c=gone&pin=99&z=nonsense&sel=99&f=brand:vx&t=pink&m=guess", await open());
    expect(view.panes?.[0].projection).toBe("umap");
    expect(view.panes?.[0].camera.zoom).toBe(1);
    expect(view).toMatchObject({ color: { kind: "plain" }, pinned: -1, filters: {} });
    expect(view.selection).toHaveLength(0);
    expect(view.theme).toBeUndefined();
  });
});
