// How the values of a column spread over the shown rows, and over the selected ones.

import { type Column, missingCode } from "../data/contract";
import type { ColumnData } from "../data/source";
import { rangeOf } from "../color/coloring";

export interface Bar {
  name: string;
  code: number; // of a category
  min: number; // of a range
  max: number;
  all: number; // shown rows
  selected: number;
}

const categoriesMax = 12;
const binCount = 28;

export function histogramOf(column: Column, data: ColumnData, mask: Uint8Array | null, selected: Uint8Array | null): Bar[] {
  return column.type === "category" ? categories(column, data, mask, selected) : bins(column, data, mask, selected);
}

function categories(
  column: Extract<Column, { type: "category" }>,
  data: ColumnData,
  mask: Uint8Array | null,
  selected: Uint8Array | null,
): Bar[] {
  const bars = new Map<number, Bar>();
  for (let row = 0; row < data.length; row++) {
    if (mask && !mask[row]) continue;
    const code = data[row];
    let bar = bars.get(code);
    if (!bar) {
      bar = { name: nameOfCode(column, code), code, min: 0, max: 0, all: 0, selected: 0 };
      bars.set(code, bar);
    }
    bar.all++;
    if (selected?.[row]) bar.selected++;
  }
  const anySelected = selected?.includes(1) ?? false;
  const weight = (bar: Bar): number => (anySelected ? bar.selected * 1e9 + bar.all : bar.all);
  return [...bars.values()].sort((a, b) => weight(b) - weight(a) || a.code - b.code).slice(0, categoriesMax);
}

export function nameOfCode(column: Extract<Column, { type: "category" }>, code: number): string {
  if (code === missingCode) return "(missing)";
  return column.values[code] ?? "(other values)";
}

function bins(column: Column, data: ColumnData, mask: Uint8Array | null, selected: Uint8Array | null): Bar[] {
  const [low, high] = rangeOf(column);
  const width = high > low ? (high - low) / binCount : 1;
  const bars = Array.from({ length: high > low ? binCount : 1 }, (_, place): Bar => {
    const [min, max] = [low + place * width, low + (place + 1) * width];
    return { name: "", code: 0, min, max, all: 0, selected: 0 };
  });
  for (let row = 0; row < data.length; row++) {
    if ((mask && !mask[row]) || Number.isNaN(data[row])) continue;
    const bar = bars[Math.max(0, Math.min(bars.length - 1, Math.floor((data[row] - low) / width)))];
    bar.all++;
    if (selected?.[row]) bar.selected++;
  }
  return bars;
}

const dateFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const numberFormat = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

export function formatValue(column: Column, value: number): string {
  return column.type === "date" ? dateFormat.format(value) : numberFormat.format(value);
}

export const formatCount = (count: number): string => count.toLocaleString("en");
