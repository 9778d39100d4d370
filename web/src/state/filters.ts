// Which rows are shown: every column may keep some of its values, and a row passes when all of them keep it.

import type { ColumnData } from "../data/source";

export type Filter =
  | { kind: "values"; hidden: ReadonlySet<number> } // codes that are not shown
  | { kind: "range"; min: number; max: number }; // missing values do not pass

export type Filters = Readonly<Partial<Record<string, Filter>>>;
export type Columns = Readonly<Record<string, ColumnData>>;

export function filterEntries(filters: Filters): [string, Filter][] {
  return Object.entries(filters).flatMap(([name, filter]): [string, Filter][] => (filter ? [[name, filter]] : []));
}

// 1 where a row passes; null when nothing is filtered. `without` leaves one column out: a histogram shows what its own
// filter would let back in.
export function passing(filters: Filters, columns: Columns, rowCount: number, without?: string): Uint8Array | null {
  const active = filterEntries(filters).filter(([name]) => name !== without && name in columns);
  if (active.length === 0) return null;
  const mask = new Uint8Array(rowCount).fill(1);
  for (const [name, filter] of active) {
    const data = columns[name];
    if (filter.kind === "values") {
      const { hidden } = filter;
      for (let row = 0; row < rowCount; row++) if (hidden.has(data[row])) mask[row] = 0;
    } else {
      const { min, max } = filter;
      for (let row = 0; row < rowCount; row++) if (!(data[row] >= min && data[row] <= max)) mask[row] = 0;
    }
  }
  return mask;
}

export function withFilter(filters: Filters, name: string, filter: Filter | null): Filters {
  const others = filterEntries(filters).filter(([key]) => key !== name);
  const empty = filter?.kind === "values" && filter.hidden.size === 0;
  return Object.fromEntries(filter && !empty ? [...others, [name, filter]] : others);
}
