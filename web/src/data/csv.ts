// Items as CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe before it.

import type { Item } from "./contract";

function cell(value: unknown): string {
  const plain = textOf(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// A value of metadata as a reader sees it.
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : JSON.stringify(value);
}

export function rowsToCsv(items: readonly Item[]): string {
  const keys = [...new Set(items.flatMap((item) => Object.keys(item.metadata)))];
  const lines = [["id", "text", ...keys].map(cell).join(",")];
  for (const item of items) {
    lines.push([item.id, item.text, ...keys.map((key) => item.metadata[key])].map(cell).join(","));
  }
  return lines.join("\r\n") + "\r\n";
}
