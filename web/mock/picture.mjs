// PNG pictures of one colour, or of a grid of colours, without a library.
import { crc32, deflateSync } from "node:zlib";

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, tail]);
}

// `colorAt(x, y)` gives [r, g, b].
export function png(side, colorAt) {
  const lines = Buffer.alloc(side * (side * 3 + 1));
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) lines.set(colorAt(x, y), y * (side * 3 + 1) + 1 + x * 3);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(lines)), chunk("IEND", Buffer.alloc(0))]);
}

// A disc on a ground, both by the row's number.
export function rowColor(row, x, y, side) {
  const inside = (x - side / 2) ** 2 + (y - side / 2) ** 2 < (side / 3) ** 2;
  const hue = (row * 7) % 12;
  return inside ? [(hue * 20) & 255, (hue * 47 + 60) & 255, 200 - hue * 14] : [235, 230 - (row % 5) * 12, 215];
}
