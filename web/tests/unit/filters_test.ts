import { describe, expect, it } from "vitest";
import { passing, withFilter } from "../../src/state/filters";
import { histogramOf } from "../../src/state/histogram";
import { manifest } from "./fixture";

const columns = { brand: Uint16Array.from([0, 0, 1, 0xffff]), price: Float64Array.from([10, 20, NaN, 30]) };
const hideB = { brand: { kind: "values", hidden: new Set([1]) } } as const;

describe("filters", () => {
  it("pass rows that every column keeps; a missing number passes no range", () => {
    expect(passing({}, columns, 4)).toBeNull();
    expect([...(passing(hideB, columns, 4) ?? [])]).toEqual([1, 1, 0, 1]);
    const both = { ...hideB, price: { kind: "range", min: 15, max: 100 } } as const;
    expect([...(passing(both, columns, 4) ?? [])]).toEqual([0, 1, 0, 1]);
    expect([...(passing(both, columns, 4, "price") ?? [])]).toEqual([1, 1, 0, 1]);
  });

  it("wait for their column to be read", () => {
    expect(passing(hideB, {}, 4)).toBeNull();
  });

  it("that hide nothing are none", () => {
    expect(withFilter(hideB, "brand", { kind: "values", hidden: new Set() })).toEqual({});
    expect(withFilter(hideB, "brand", null)).toEqual({});
  });
});

describe("histograms", () => {
  const [brand, price] = manifest().columns;

  it("count shown and selected rows of every value, missing ones too", () => {
    const bars = histogramOf(brand, columns.brand, null, Uint8Array.from([0, 1, 1, 0]));
    expect(bars.map(({ name, all, selected }) => [name, all, selected])).toEqual([["a", 2, 1], ["b", 1, 1], ["(missing)", 1, 0]]);
  });

  it("put every number into one bin, the largest into the last", () => {
    const bars = histogramOf(price, columns.price, null, null);
    expect(bars.reduce((sum, bar) => sum + bar.all, 0)).toBe(3);
    expect(bars.at(-1)?.all).toBe(1);
  });

  it("of a column with one value have one bin", () => {
    const constant = { name: "n", type: "number", min: 7, max: 7, missing: 0 } as const;
    expect(histogramOf(constant, Float64Array.from([7, 7]), null, null).map(({ all }) => all)).toEqual([2]);
  });
});
