// Two states of a collection told in the same words: a value keeps its code, and so its colour and its filter, and a
// range spans both.

import { type CategoryColumn, type Column, type Manifest, otherCode, type RangeColumn } from "../data/contract";
import type { ColumnData } from "../data/source";

const codesMax = otherCode - 1;

export interface Alignment {
  manifest: Manifest;
  codes: ReadonlyMap<string, Uint16Array>; // of a column: the common code of each of its own
}

// `next` in the words of `former`, whose values come first; those that only `former` has are counted 0.
export function aligned(next: Manifest, former: Manifest): Alignment {
  const codes = new Map<string, Uint16Array>();
  const columns = next.columns.map((column): Column => {
    const known = former.columns.find(({ name }) => name === column.name);
    if (column.type === "category" && known?.type === "category") return alignedCategories(column, known, codes);
    if ((column.type === "number" || column.type === "date") && known?.type === column.type) return commonRange(column, known);
    return column;
  });
  return { manifest: { ...next, columns }, codes };
}

function alignedCategories(column: CategoryColumn, known: CategoryColumn, codes: Map<string, Uint16Array>): CategoryColumn {
  const places = new Map(known.values.map((value, code) => [value, code]));
  const values = [...known.values];
  const own = Uint16Array.from(column.values, (value) => {
    const code = places.get(value) ?? values.length;
    if (code === values.length) values.push(value);
    return code;
  });
  if (values.length > codesMax) return column;
  const counts = new Array<number>(values.length).fill(0);
  own.forEach((code, place) => {
    counts[code] = column.counts[place];
  });
  codes.set(column.name, own);
  return { ...column, values, counts, distinct: column.distinct + values.length - column.values.length };
}

function commonRange(column: RangeColumn, known: RangeColumn): RangeColumn {
  return {
    ...column,
    min: known.min < column.min ? known.min : column.min,
    max: known.max > column.max ? known.max : column.max,
  };
}

// Codes past the values, of rare and missing ones, stay.
export function alignedData(data: ColumnData, codes: Uint16Array | undefined): ColumnData {
  if (!codes || !(data instanceof Uint16Array)) return data;
  return data.map((code) => (code < codes.length ? codes[code] : code));
}

// For each row of one list of ids its row in another, -1 where it has none.
export function rowsByIds(from: readonly string[], to: readonly string[]): Int32Array {
  const places = new Map(to.map((id, row) => [id, row]));
  return Int32Array.from(from, (id) => places.get(id) ?? -1);
}

// The rows that stand there too, ascending.
export function carriedRows(rows: Uint32Array, to: Int32Array): Uint32Array {
  return Uint32Array.from([...rows].map((row) => to[row]).filter((row) => row >= 0)).sort();
}
