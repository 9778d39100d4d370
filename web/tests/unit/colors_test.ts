import { describe, expect, it } from "vitest";
import { paint } from "../../src/color/coloring";
import { categoryColor, ramp } from "../../src/color/palette";
import { missingCode, otherCode } from "../../src/data/contract";
import { carriedOver, rowColors } from "../../src/map/row_colors";
import { manifest } from "./fixture";

const [brand, price] = manifest().columns;
const none = { mask: null, selection: new Uint32Array(0), results: null };
const alphas = (colors: Uint8Array) => Array.from({ length: colors.length / 4 }, (_, row) => colors[row * 4 + 3]);

describe("colours", () => {
  it("of the first sixteen categories differ from each other in both themes", () => {
    for (const dark of [false, true]) {
      const colors = Array.from({ length: 16 }, (_, code) => categoryColor(code, dark).join());
      expect(new Set(colors).size).toBe(16);
    }
  });

  it("of 5,000 categories are all there, missing and other values grey", () => {
    const codes = Uint16Array.from({ length: 5002 }, (_, row) => (row < 5000 ? row : row === 5000 ? otherCode : missingCode));
    const colors = new Uint8Array(codes.length * 4);
    paint(colors, { kind: "column", column: brand, data: codes }, false);
    expect([...colors.subarray(4999 * 4, 4999 * 4 + 3)]).toEqual([...categoryColor(4999, false)]);
    for (const row of [5000, 5001]) {
      const [r, g, b] = colors.subarray(row * 4, row * 4 + 3);
      expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThan(20);
    }
  });

  it("of numbers run from one end of the ramp to the other; a constant column is not divided by zero", () => {
    const colors = new Uint8Array(12);
    paint(colors, { kind: "column", column: price, data: Float64Array.from([0, 30, NaN]) }, false);
    const table = ramp("viridis");
    expect([...colors.subarray(0, 3)]).toEqual([...table.subarray(0, 3)]);
    expect([...colors.subarray(4, 7)]).toEqual([...table.subarray(765)]);
    const constant = { name: "n", type: "number", min: 4, max: 4, missing: 0 } as const;
    paint(colors, { kind: "column", column: constant, data: Float64Array.from([4, 4, 4]) }, false);
    expect([...colors.subarray(0, 3)]).toEqual([...table.subarray(128 * 3, 129 * 3)]);
  });

  it("hide what is filtered, dim what is not selected, light what is", () => {
    const mask = Uint8Array.from([1, 1, 0, 1]);
    expect(alphas(rowColors(4, { kind: "plain" }, { ...none, mask }, false).colors)).toEqual([255, 255, 0, 255]);
    const selection = Uint32Array.from([1, 2]);
    const lit = rowColors(4, { kind: "plain" }, { ...none, mask, selection }, false);
    expect(alphas(lit.colors)).toEqual([34, 255, 0, 34]);
    expect([...lit.lit]).toEqual([1, 2]);
  });

  it("dim all when a search finds nothing", () => {
    expect(alphas(rowColors(2, { kind: "plain" }, { ...none, results: new Uint32Array(0) }, false).colors)).toEqual([34, 34]);
  });

  it("carry over to the rows of another collection", () => {
    const ours = rowColors(3, { kind: "plain" }, { ...none, selection: Uint32Array.from([0, 2]) }, false);
    const carried = carriedOver(ours, Int32Array.from([1, -1, 0]), Int32Array.from([2, 0, -1]));
    expect(alphas(carried.colors)).toEqual([255, 255, 34]);
    expect([...carried.lit]).toEqual([1, 0]);
  });
});
