import { describe, expect, it } from "vitest";
import { decodeRows, encodeRows } from "../../src/state/row_runs";

describe("rows in a link", () => {
  it("come back as they were, runs and single rows", () => {
    for (const rows of [[], [0], [5, 6, 7, 100], [0, 1, 2, 40, 42, 43, 99_999]]) {
      const text = encodeRows(Uint32Array.from(rows));
      expect(text).not.toBeNull();
      expect([...decodeRows(text ?? "", 100_000)]).toEqual(rows);
    }
  });

  it("of 10,000 neighbours are short, of 10,000 scattered rows not written at all", () => {
    expect(encodeRows(new Uint32Array(10_000).map((_, row) => row))).toBe("0-7pr");
    expect(encodeRows(new Uint32Array(10_000).map((_, row) => row * 3))).toBeNull();
  });

  it("past the end of the collection, and what is no row, are left out", () => {
    expect([...decodeRows("0-z", 10)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...decodeRows("<script>.x!.3", 10)]).toEqual([3]);
    expect([...decodeRows("0-zzzzzzz", 3)]).toEqual([0, 1, 2]);
  });
});
