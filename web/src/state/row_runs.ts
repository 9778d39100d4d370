// Rows in a link: ascending rows as runs, "5-9,12" with base 36 numbers, each counted from the end of the run before.

const lengthMax = 4000; // browsers and mail programs cut longer links

export function encodeRows(rows: Uint32Array): string | null {
  const parts: string[] = [];
  let last = 0;
  let length = 0;
  for (let place = 0; place < rows.length; ) {
    let end = place;
    while (end + 1 < rows.length && rows[end + 1] === rows[end] + 1) end++;
    const start = (rows[place] - last).toString(36);
    const part = end > place ? `${start}-${(end - place).toString(36)}` : start;
    parts.push(part);
    length += part.length + 1;
    if (length > lengthMax) return null;
    last = rows[end];
    place = end + 1;
  }
  return parts.join(".");
}

// Rows past `rowCount` are left out: a link may be older than the collection.
export function decodeRows(text: string, rowCount: number): Uint32Array {
  const rows: number[] = [];
  let last = 0;
  for (const part of text.split(".")) {
    const match = /^([0-9a-z]+)(?:-([0-9a-z]+))?$/.exec(part);
    if (!match) continue;
    const start = last + Number.parseInt(match[1], 36);
    const end = start + (match[2] ? Number.parseInt(match[2], 36) : 0);
    for (let row = start; row <= end && row < rowCount; row++) rows.push(row);
    last = end;
  }
  return Uint32Array.from(rows);
}
