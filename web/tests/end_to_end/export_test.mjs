// The exported folder in Chromium, opened from the disk as by a double click.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { MockCollection } from "../../mock/collection.mjs";
import { writeExport } from "../../mock/export.mjs";
import { openBrowser } from "./browser.mjs";

let browser;
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "atlas-export-"));
  writeExport(new MockCollection({ name: "texts", rowCount: 3000 }), join(folder, "texts"));
  writeExport(new MockCollection({ name: "pictures", rowCount: 1200, kind: "image" }), join(folder, "pictures"));
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(name, rest = "") {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(60_000); // a busy machine takes its time
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`file://${folder}/${name}/index.html${rest}`);
  await page.getByTestId("map-0").locator("canvas[data-drawn]").waitFor();
  return { page, requests };
}

describe("an exported map", () => {
  it("opens from the disk, finds letters, pins items with their neighbours, and asks nobody", async () => {
    const { page, requests } = await open("texts", "#p=umap&pin=2100");
    await page.getByText("3,000 texts").waitFor();
    const pinned = page.getByRole("region", { name: "Pinned item" });
    await pinned.getByText("A short text 2100 about a").first().waitFor();
    await pinned.getByText("2 of 10 are not near in truth: false neighbours, crossed on the map.").waitFor();
    assert.equal(await pinned.getByRole("listitem").count(), 25);
    await page.getByRole("searchbox", { name: "Search", exact: true }).fill("about a jazz");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "250 found" }).waitFor();
    assert.deepEqual(requests.filter((url) => !/^(file|data|blob):/.test(url)), []);
    await page.close();
  });

  it("shows pictures from its sprites", async () => {
    const { page } = await open("pictures", "#p=umap&pin=1100");
    const picture = page.getByRole("region", { name: "Pinned item" }).getByRole("img", { name: "item-1100" }).first();
    await picture.waitFor();
    assert.match(await picture.evaluate((element) => element.style.backgroundImage), /^url\("data:image\/png/);
    await page.close();
  });

  it("that lacks a file says which", async () => {
    rmSync(join(folder, "texts", "data", "points", "pca.js"));
    const page = await browser.newPage();
    await page.goto(`file://${folder}/texts/index.html#p=pca`);
    await page.getByText("The exported folder lacks data/points/pca.js").waitFor();
    await page.close();
  });
});
