// The page that the program itself serves, over a collection of the example texts. ASTERISM_PROGRAM names the program.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./browser.mjs";

const program = process.env.ASTERISM_PROGRAM;
const texts = fileURLToPath(new URL("../../../examples/data/texts.jsonl", import.meta.url));
let folder;
let server;
let address;
let browser;

before(async () => {
  assert.ok(program, "ASTERISM_PROGRAM names the program");
  folder = mkdtempSync(join(tmpdir(), "atlas-server-"));
  execFileSync(program, ["add", join(folder, "collections", "texts"), texts], { stdio: "ignore" });
  server = spawn(program, ["serve", "-m", "builtin", "--collections", join(folder, "collections"), "--port", "0"]);
  address = await new Promise((resolve, reject) => {
    let said = "";
    const listen = (part) => {
      said += part;
      const match = /http:\/\/[\d.]+:\d+/.exec(said);
      if (match) resolve(match[0]);
    };
    server.stderr.on("data", listen);
    server.stdout.on("data", listen);
    server.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  server?.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function open(path) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(90_000); // the first map is computed when it is asked for
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(address + path);
  return { page, errors };
}

describe("the program's own page", () => {
  it("lists the collections, and opens one", async () => {
    const { page, errors } = await open("/atlas");
    await page.getByText("400 items").waitFor();
    await page.getByRole("link", { name: "texts" }).click();
    await page.getByTestId("map-0").locator("canvas[data-drawn]").waitFor();
    await page.getByText("400 texts").waitFor();
    assert.deepEqual(errors, []);
    await page.close();
  });

  it("searches, pins, measures the map, exports", async () => {
    const { page, errors } = await open("/atlas/texts#p=umap&pin=0");
    const pinned = page.getByRole("region", { name: "Pinned item" });
    await pinned.getByText("Nearest on the map").waitFor();
    assert.equal(await pinned.getByRole("list").first().getByRole("listitem").count(), 15);
    await page.getByRole("searchbox", { name: "Search", exact: true }).fill("weather");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "100 found" }).waitFor();
    await page.getByLabel("Colour by").selectOption("~trust");
    await page.getByText("Dark points have neighbours here").waitFor();
    const measure = page.getByRole("button", { name: "How good is this map?" });
    if (await measure.count()) await measure.click();
    await page.getByText(/trust 0\.\d{3}/).waitFor();
    for (const [entry, ending] of [["CSV of all items", "csv"], ["Parquet of all items", "parquet"], ["TensorBoard projector of all items", "zip"]]) {
      await page.getByRole("button", { name: "Export" }).click();
      const downloading = page.waitForEvent("download");
      await page.getByRole("button", { name: entry }).click();
      assert.equal((await downloading).suggestedFilename(), `texts.${ending}`);
    }
    assert.deepEqual(errors, []);
    await page.close();
  });

  it("makes a collection of what is selected, and compares with it by ids", async () => {
    const { page, errors } = await open("/atlas/texts#sel=0-2s");
    await page.getByRole("heading", { name: "101 selected" }).waitFor();
    await page.getByRole("button", { name: "New collection…" }).click();
    await page.getByLabel("Name of the new collection").fill("part");
    await page.getByRole("button", { name: "Make" }).click();
    await page.getByRole("status").getByText("Collection 'part' made with 101 items").waitFor();
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByPlaceholder("its name").fill("part");
    await page.getByPlaceholder("its name").press("Enter");
    await page.getByRole("status").getByText("101 of 400 items are in 'part' too").waitFor();
    await page.getByTestId("map-1").locator("canvas[data-drawn]").waitFor();
    assert.deepEqual(errors, []);
    await page.close();
  });

  it("says when the collection was written to, and shows what is still there", async () => {
    const { page, errors } = await open("/atlas/texts#p=umap&pin=5");
    await page.getByRole("region", { name: "Pinned item" }).waitFor();
    const hostile = { id: "added", text: '<img src=x onerror="window.hacked=1">later' };
    const answer = await fetch(`${address}/v1/collections/texts/items`, { method: "POST", body: JSON.stringify([hostile]), headers: { "content-type": "application/json" } });
    assert.equal(answer.status, 200);
    await page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await page.getByRole("button", { name: "changed since: reload" }).waitFor();
    await page.getByText("400 texts").waitFor();
    await page.getByRole("button", { name: "changed since: reload" }).click();
    await page.getByText("401 texts").waitFor();
    await page.evaluate(() => (location.hash = location.hash.replace("pin=5", "pin=400")));
    await page.getByRole("region", { name: "Pinned item" }).getByText(hostile.text).waitFor();
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.deepEqual(errors, []);
    await page.close();
  });
});
