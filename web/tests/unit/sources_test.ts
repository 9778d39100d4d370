import { afterEach, describe, expect, it, vi } from "vitest";
import { rowsToCsv } from "../../src/data/csv";
import { ExportSource } from "../../src/data/export_source";
import { parseMetadata, parseVectors, ProjectorSource } from "../../src/data/projector_source";
import { rememberKey } from "../../src/data/server_key";
import { ServerSource } from "../../src/data/server_source";
import { item, manifest } from "./fixture";

afterEach(() => vi.unstubAllGlobals());

function answerWith(...answers: Response[]) {
  const fetched = vi.fn<(address: string, init?: RequestInit) => Promise<Response>>(() => Promise.resolve(answers.shift() ?? new Response("{}")));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

describe("a server", () => {
  it("is asked with the snapshot, names escaped", async () => {
    const fetched = answerWith(json(manifest()), new Response(new Uint16Array([1, 0xffff]).buffer));
    const source = new ServerSource("/v1/collections/a%20b/atlas/");
    await source.manifest();
    expect([...(await source.column("brand"))]).toEqual([1, 0xffff]);
    expect(fetched.mock.calls.map(([address]) => address)).toEqual([
      "/v1/collections/a%20b/atlas",
      "/v1/collections/a%20b/atlas/columns/brand?snapshot=s",
    ]);
    expect(await source.thumbnail(3, 64)).toBe("/v1/collections/a%20b/atlas/thumbnails/3?size=64&snapshot=s");
  });

  it("that lost the snapshot asks for a reload", async () => {
    answerWith(json({ error: { message: "gone" } }, 409));
    await expect(new ServerSource("/x").points("umap")).rejects.toMatchObject({ stale: true });
  });

  it("that refuses a name of a new collection is heard, not taken for a lost snapshot", async () => {
    answerWith(json({ error: { code: "conflict", message: "there is one already", hint: "choose another" } }, 409));
    await expect(new ServerSource("/x").createCollection("a", new Uint32Array(1))).rejects.toMatchObject({
      stale: false,
      message: "there is one already",
      hint: "choose another",
    });
  });

  it("that is away or answers with no JSON gives a plain sentence", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed")));
    await expect(new ServerSource("/x").labels("u")).rejects.toThrow("The server does not answer");
    answerWith(new Response("<html>", { status: 502 }));
    await expect(new ServerSource("/x").labels("u")).rejects.toThrow("The server answered 502");
  });

  it("that computes is asked again, and says how far it is", async () => {
    const work = { state: "computing", stage: "vectors", done: 1, total: 4 };
    answerWith(json(work, 202), json({ levels: [] }));
    const heard: unknown[] = [];
    const source = new ServerSource("/x", (state) => heard.push(state));
    expect(await source.labels("umap")).toEqual({ levels: [] });
    expect(heard).toEqual([work, null]);
  });

  it("that wants a key is given it in the header, pictures too", async () => {
    answerWith(json({}, 401));
    await expect(new ServerSource("/x").labels("u")).rejects.toMatchObject({ needsKey: true });
    rememberKey("k1");
    const fetched = answerWith(new Response("jpeg"));
    expect(await new ServerSource("/x").thumbnail(3, 64)).toMatch(/^blob:/);
    expect(fetched.mock.calls[0][1]?.headers).toEqual({ authorization: "Bearer k1" });
    sessionStorage.clear();
  });

  it("tells all ids at once, of any letters", async () => {
    for (const ids of [["a", "bc", "", "d"], ["ä", "日本", "x"]]) {
      const bytes = ids.map((id) => new TextEncoder().encode(id));
      const begins = new Uint32Array(ids.length + 1);
      bytes.forEach((id, row) => (begins[row + 1] = begins[row] + id.length));
      const body = new Blob([begins, ...bytes]);
      const fetched = answerWith(json(manifest({ row_count: ids.length })), new Response(await body.arrayBuffer()));
      const source = new ServerSource("/x");
      await source.manifest();
      expect(await source.ids()).toEqual(ids);
      expect(fetched.mock.calls[1][0]).toBe("/x/ids?snapshot=s");
    }
  });

  it("is asked for the version that is shown, with every question", async () => {
    const fetched = answerWith(json(manifest({ version: "v 1" })), json({ levels: [] }));
    const source = new ServerSource("/x").at("v 1");
    await source.manifest();
    await source.labels("umap");
    expect(fetched.mock.calls.map(([address]) => address)).toEqual(["/x?version=v+1", "/x/labels/umap?snapshot=s&version=v+1"]);
  });

  it("gives items a thousand at a time", async () => {
    const fetched = answerWith(json({ items: [item(0)] }), json({ items: [item(1)] }));
    const rows = Array.from({ length: 1500 }, (_, row) => row);
    expect(await new ServerSource("/x").items(rows)).toHaveLength(2);
    expect(fetched).toHaveBeenCalledTimes(2);
  });
});

describe("an export", () => {
  it("says what needs a server", async () => {
    const source = new ExportSource();
    await expect(source.search({ text: "x" }, 5)).rejects.toMatchObject({ hint: expect.stringContaining("asterism atlas") as string });
    await expect(source.createCollection()).rejects.toThrow();
    await expect(source.exportRows("parquet", null)).rejects.toThrow("parquet");
  });
});

describe("CSV", () => {
  it("quotes, and keeps spreadsheets from running cells", () => {
    const text = rowsToCsv([{ ...item(0, 'a "b", c'), metadata: { f: "=1+1", n: -3, o: { k: 1 } } }]);
    expect(text).toBe('id,text,f,n,o\r\nid-0,"a ""b"", c",\'=1+1,-3,"{""k"":1}"\r\n');
  });
});

describe("a projector's files", () => {
  it("are read: vectors, headed and unheaded metadata", () => {
    expect(parseVectors("1\t2\n3\t4\n")).toMatchObject({ dim: 2, rowCount: 2 });
    expect(parseMetadata("a\nb\n", 2)).toEqual([{ label: "a" }, { label: "b" }]);
    expect(parseMetadata("word\tn\na\t1\nb\t2", 2)).toEqual([{ word: "a", n: "1" }, { word: "b", n: "2" }]);
  });

  it("that do not fit are refused with the line", () => {
    expect(() => parseVectors("1\t2\n3\n")).toThrow("line 2: expected 2 numbers, found 1");
    expect(() => parseVectors("1\tx\n")).toThrow("line 1: 'x' is no number");
    expect(() => parseVectors("")).toThrow("empty");
    expect(() => parseMetadata("a\n", 2)).toThrow("metadata.tsv has 1 rows, vectors.tsv has 2");
  });

  it("become a map whose first axis is the one of largest spread", async () => {
    const rows = 60;
    const vectors = new Float32Array(rows * 4).map((_, place) => {
      const [row, axis] = [Math.floor(place / 4), place % 4];
      return axis === 2 ? row : Math.sin(row * (axis + 1)) * 0.1;
    });
    const source = new ProjectorSource("v", vectors, 4, []);
    const [first] = (await source.manifest()).projections;
    const points = await source.points(first.name);
    const along = Array.from({ length: rows }, (_, row) => points[row * 2]);
    const rising = along[1] > along[0];
    expect(along.every((value, row) => row === 0 || value > along[row - 1] === rising)).toBe(true);
    expect((await source.neighbors(3, 5)).neighbors).toHaveLength(5);
  });
});
