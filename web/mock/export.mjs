// A made-up collection as `asterism atlas --export` writes one: the page, and its data as scripts.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { png, rowColor } from "./picture.mjs";
import { page } from "./server.mjs";

const itemsPerFile = 2000;
const neighborsPerRow = 15;

export function writeExport(collection, folder) {
  const write = (name, text) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  const data = (name, content) => write(`data/${name}.js`, `asterismData(${JSON.stringify(name)}, ${JSON.stringify(content)});\n`);
  const bytes = (name, array) => data(name, Buffer.from(array.buffer).toString("base64"));
  const place = '<script type="application/json" id="asterism-data">null</script>';
  const text = readFileSync(page, "utf8");
  if (!text.includes(place)) throw new Error("the page has no place for its data");
  write("index.html", text.replace(place, () => place.replace("null", '{"mode":"export"}')));
  data("manifest", collection.manifest());
  for (const { name } of collection.projections()) {
    bytes(`points/${name}`, collection.points(name));
    bytes(`distortion/${name}`, collection.distortion());
    data(`labels/${name}`, collection.labels());
  }
  for (const { name } of collection.columns()) bytes(`columns/${name}`, collection.column(name));
  const rows = Array.from({ length: collection.rowCount }, (_, row) => row);
  for (let begin = 0; begin < rows.length; begin += itemsPerFile) {
    data(`items/${begin / itemsPerFile}`, rows.slice(begin, begin + itemsPerFile).map((row) => collection.item(row)));
  }
  const near = rows.map((row) => collection.neighborsOf(row, neighborsPerRow).neighbors);
  bytes("neighbors", Uint32Array.from(near.flatMap((list) => list.map(({ row }) => row))));
  bytes("neighbor_scores", Float32Array.from(near.flatMap((list) => list.map(({ score }) => score))));
  const onMap = rows.map((row) => collection.neighborsOf(row, neighborsPerRow).map_neighbors);
  const padded = (list, valueOf, none) => Array.from({ length: neighborsPerRow }, (_, place) => (list[place] ? valueOf(list[place]) : none));
  for (const { name } of collection.projections()) {
    bytes(`map_neighbors/${name}`, Uint32Array.from(onMap.flatMap((list) => padded(list, ({ row }) => row, 0xffffffff))));
    bytes(`map_ranks/${name}`, Uint8Array.from(onMap.flatMap((list) => padded(list, ({ rank }) => rank ?? 0, 0))));
  }
  if (collection.kind !== "image") return;
  for (let index = 0; index * 1024 < rows.length; index++) {
    const picture = png(2048, (x, y) => rowColor(index * 1024 + (y >> 6) * 32 + (x >> 6), x & 63, y & 63, 64));
    data(`sprites/${index}`, `data:image/png;base64,${picture.toString("base64")}`);
  }
}
