// A server that follows the page's contract with made-up collections, and serves the built page:
//   node mock/server.mjs [--port 8787] [--rows 100000]     then /collections/demo/atlas, /collections/pictures/atlas
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { MockCollection } from "./collection.mjs";
import { png, rowColor } from "./picture.mjs";

export const page = process.env.ASTERISM_ATLAS_PAGE ?? fileURLToPath(new URL("../dist/page/index.html", import.meta.url));
const brokenRow = 5;

function bytes(response, array) {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  response.end(Buffer.from(array.buffer, array.byteOffset, array.byteLength));
}

function json(response, body, status = 200) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

const refuse = (response, status, message, hint) => json(response, { error: { code: "mock", message, hint } }, status);

// What was made once is sent again as it is: the page is measured, not the mock.
const made = new WeakMap();
function held(collection, name, make) {
  const all = made.get(collection) ?? new Map();
  made.set(collection, all);
  if (!all.has(name)) all.set(name, make());
  return all.get(name);
}

// Where each id begins, then all ids.
function idBytes(rowCount) {
  const ids = Array.from({ length: rowCount }, (_, row) => `item-${row}`);
  const begins = new Uint32Array(rowCount + 1);
  ids.forEach((id, row) => (begins[row + 1] = begins[row] + id.length));
  return new Uint8Array(Buffer.concat([Buffer.from(begins.buffer), Buffer.from(ids.join(""))]));
}

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text ? JSON.parse(text) : {};
}

async function answer(collection, rest, query, request, response) {
  const [route, name = ""] = rest;
  const snapshot = query.get("snapshot");
  if (snapshot && snapshot !== collection.snapshot) return refuse(response, 409, "the collection has changed", "reload");
  const body = request.method === "POST" ? await bodyOf(request) : {};
  switch (route) {
    case undefined:
      return json(response, { ...held(collection, "manifest", () => collection.manifest()), snapshot: collection.snapshot });
    case "points":
      return bytes(response, held(collection, rest.join("/"), () => collection.points(name)));
    case "columns":
      return bytes(response, held(collection, rest.join("/"), () => collection.column(name)));
    case "distortion":
      return bytes(response, collection.distortion());
    case "labels":
      return json(response, collection.labels());
    case "items":
      return json(response, { items: query.get("rows").split(",").map((row) => collection.item(Number(row))) });
    case "ids":
      return bytes(response, held(collection, "ids", () => idBytes(collection.rowCount)));
    case "find":
      return json(response, { rows: collection.rowsOfTheme(body.contains).slice(0, body.limit) });
    case "neighbors":
      return json(response, collection.neighborsOf(Number(query.get("row")), Number(query.get("k"))));
    case "search": {
      if (body.expression === "broken +") return refuse(response, 400, "an operand is missing after '+'", "write king - man + woman");
      const rows = collection.rowsOfTheme(body.text ?? body.expression ?? "football").slice(0, body.k);
      return json(response, { results: rows.map((row, place) => ({ row, score: 1 - place / 1000 })), took_ms: 3 });
    }
    case "collections":
      if (collection.created.includes(body.name)) return refuse(response, 409, `there is a collection '${body.name}' already`, "choose another name");
      collection.created.push(body.name);
      return json(response, { name: body.name, count: body.rows.length }, 201);
    case "export":
      response.writeHead(200, { "content-type": "text/csv" });
      return response.end(`id\n${(body.rows ?? []).map((row) => `item-${row}`).join("\n")}\n`);
    case "thumbnails":
    case "sprites":
      return picture(collection, route, Number(name), Number(query.get("size")), response);
    default:
      return refuse(response, 404, `no route '${route}'`, "");
  }
}

function picture(collection, route, index, size, response) {
  if (route === "thumbnails" && index === brokenRow) return refuse(response, 404, "the picture cannot be read", "");
  const side = route === "sprites" ? 32 * 32 : size;
  const colorAt = (x, y) =>
    route === "sprites" ? rowColor(index * 1024 + (y >> 5) * 32 + (x >> 5), x & 31, y & 31, 32) : rowColor(index, x, y, size);
  response.writeHead(200, { "content-type": "image/png", "cache-control": "max-age=60" });
  response.end(png(side, colorAt));
}

export async function startMock({ port = 0, rowCount = 2000, delayMs = 0 } = {}) {
  const collections = new Map();
  for (const options of [
    { name: "demo", rowCount },
    { name: "pictures", rowCount: Math.min(rowCount, 4000), kind: "image" },
    { name: "tags", rowCount: 10_000, categories: 5000 },
    { name: "empty", rowCount: 10, empty: true },
    { name: "million", rowCount: 1_000_000 },
    { name: "large", rowCount: 200_000 },
  ]) collections.set(options.name, new MockCollection(options));
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const match = /^\/v1\/collections\/([^/]+)\/atlas(?:\/(.*))?$/.exec(pathname);
    if (!match) {
      if (!existsSync(page)) return refuse(response, 503, "the page is not built", "npm run build");
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": policy });
      return response.end(readFileSync(page));
    }
    const collection = collections.get(decodeURIComponent(match[1]));
    if (!collection) return refuse(response, 404, `there is no collection '${match[1]}'`, "asterism collection list");
    const rest = match[2] ? match[2].split("/").map(decodeURIComponent) : [];
    setTimeout(() => {
      answer(collection, rest, searchParams, request, response).catch((problem) => refuse(response, 500, String(problem), ""));
    }, delayMs);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}`, collections, close: () => server.close() };
}

// What the real server says too: nothing from elsewhere.
export const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, otherwise) => {
    const place = process.argv.indexOf(`--${name}`);
    return place < 0 ? otherwise : Number(process.argv[place + 1]);
  };
  const { address } = await startMock({ port: option("port", 8787), rowCount: option("rows", 20_000) });
  console.log(`${address}/collections/demo/atlas`);
}
