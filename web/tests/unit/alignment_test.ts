import { describe, expect, it } from "vitest";
import { makeScene } from "../../src/map/scene";
import type { Column } from "../../src/data/contract";
import { aligned, alignedData, carriedRows, rowsByIds } from "../../src/state/alignment";
import { showProjection } from "../../src/state/actions";
import { Dataset } from "../../src/state/dataset";
import { initialState, newPane, Store } from "../../src/state/store";
import { fakeSource, manifest, projection } from "./fixture";

const brands = (values: string[], counts: number[], missing = 0): Column => ({ name: "brand", type: "category", values, counts, missing, distinct: values.length });

describe("two states of a collection", () => {
  it("have one code for one value, and count what is there", () => {
    const former = manifest({ columns: [brands(["a", "b", "c"], [5, 3, 1]), { name: "price", type: "number", min: 0, max: 30, missing: 0 }] });
    const next = manifest({ columns: [brands(["c", "d", "a"], [9, 4, 2], 1), { name: "price", type: "number", min: -5, max: 10, missing: 0 }] });
    const { manifest: told, codes } = aligned(next, former);
    expect(told.columns[0]).toMatchObject({ values: ["a", "b", "c", "d"], counts: [2, 0, 9, 4], missing: 1, distinct: 4 });
    expect(told.columns[1]).toMatchObject({ min: -5, max: 30 });
    expect([...alignedData(Uint16Array.from([0, 1, 2, 0xffff, 0xfffe]), codes.get("brand"))]).toEqual([2, 3, 0, 0xffff, 0xfffe]);
  });

  it("too many values for common codes stay as they are", () => {
    const many = (from: number): string[] => Array.from({ length: 40_000 }, (_, place) => `v${from + place}`);
    const { manifest: told, codes } = aligned(manifest({ columns: [brands(many(40_000), [])] }), manifest({ columns: [brands(many(0), [])] }));
    expect(told.columns[0]).toMatchObject({ distinct: 40_000 });
    expect(codes.size).toBe(0);
  });

  it("share rows by id", () => {
    const to = rowsByIds(["a", "b", "c"], ["c", "x", "a"]);
    expect([...to]).toEqual([2, -1, 0]);
    expect([...carriedRows(Uint32Array.from([0, 1, 2]), to)]).toEqual([0, 2]);
  });

  it("lie in one box", () => {
    const scene = makeScene("s", Float32Array.from([0, 0, 4, 2]), 2, [-4, 4, -4, 4]);
    expect([...scene.positions]).toEqual([0, 0, 1, 0.5]);
  });
});

describe("a step of another version", () => {
  const steps = ["one", "two"].map((version, place) =>
    projection(`versions-00${place + 1}`, { version, series: "versions", series_step: place + 1, series_label: version, series_bounds: [-1, 1, -1, 1] }),
  );
  const ids = { one: ["a", "b", "c", "d"], two: ["d", "x", "a"] };
  const sourceAt = (version: "one" | "two"): ReturnType<typeof fakeSource> => ({
    ...fakeSource({
      points: () => Promise.resolve(new Float32Array(ids[version].length * 2)),
      ids: () => Promise.resolve(ids[version]),
      column: () => Promise.resolve(new Uint16Array(ids[version].length)),
      search: () => Promise.resolve({ results: [{ row: 1, score: 0.5 }], took_ms: 1 }),
    }, { version, row_count: ids[version].length, projections: steps, columns: [brands(["a"], [ids[version].length])] }),
    at: (wanted) => sourceAt(wanted as "one" | "two"),
  });

  it("brings its own rows, and what was chosen goes along by id", async () => {
    const dataset = await Dataset.open(sourceAt("one"));
    const state = {
      dataset, panes: [{ ...newPane("versions-001"), camera: { ...newPane("x").camera, zoom: 3 } }], selection: Uint32Array.from([0, 1, 3]), pinned: 0,
      results: { query: "q", rows: Uint32Array.from([3, 2]), scores: Float32Array.from([0.9, 0.8]), tookMs: 1 }, query: "q",
    };
    const store = new Store({ ...initialState, ...state });
    showProjection(store, 0, "versions-002");
    await expect.poll(() => store.get().dataset?.manifest.version).toBe("two");
    const after = store.get();
    expect([...after.selection]).toEqual([0, 2]);
    expect(after.pinned).toBe(2);
    expect(after.panes[0]).toMatchObject({ projection: "versions-002", camera: { zoom: 3 } });
    expect([...(after.passage?.rows ?? [])]).toEqual([3, -1, 0]);
    await expect.poll(() => [...(store.get().results?.rows ?? [])]).toEqual([1]); // asked anew, of its own vectors
    await expect.poll(() => store.get().notice).toBe("two: 3 items, 1 new, 2 gone; 1 items found");
  });

  it("that was asked for last is shown, however long the others take", async () => {
    const dataset = await Dataset.open(sourceAt("one"));
    const store = new Store({ ...initialState, dataset, panes: [newPane("versions-001")] });
    showProjection(store, 0, "versions-002");
    showProjection(store, 0, "versions-001");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(store.get().dataset?.manifest.version).toBe("one");
  });

  it("beside a second map leaves the rows as they are", async () => {
    const dataset = await Dataset.open(sourceAt("one"));
    const store = new Store({ ...initialState, dataset, panes: [newPane("versions-001"), newPane("versions-001")] });
    showProjection(store, 1, "versions-002");
    expect(store.get().panes[1].projection).toBe("versions-002");
    expect(store.get().dataset).toBe(dataset);
  });
});
