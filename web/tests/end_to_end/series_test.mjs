// The slider through the steps of a series, on what the program itself serves: a collection of example texts with three
// versions, and a small training run. ASTERISM_PROGRAM names the program.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./browser.mjs";

const program = process.env.ASTERISM_PROGRAM;
const root = fileURLToPath(new URL("../../../", import.meta.url));
const lines = readFileSync(join(root, "examples/atlas/products_and_sports.jsonl"), "utf8").trim().split("\n");
const idsOf = (part) => part.map((line) => JSON.parse(line).id);
const servers = [];
let folder;
let browser;

const run = (...args) => execFileSync(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });

before(async () => {
  assert.ok(program, "ASTERISM_PROGRAM names the program");
  folder = mkdtempSync(join(tmpdir(), "atlas-series-"));
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  for (const server of servers) server.kill();
  rmSync(folder, { recursive: true, force: true });
});

// `asterism atlas` until it says where it is.
function serve(...args) {
  const server = spawn(program, ["atlas", ...args, "--port", "0", "--no-open", "--json"]);
  servers.push(server);
  return new Promise((resolve, reject) => {
    let said = "";
    server.stderr.on("data", (part) => (said += part));
    server.stdout.on("data", (part) => resolve(JSON.parse(String(part))));
    server.on("exit", (code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
}

async function open(address) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(90_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(address);
  await page.getByTestId("map-0").locator("canvas[data-drawn]").waitFor();
  return { page, errors };
}

const title = (page, text) => page.locator(".title").getByText(text).waitFor();
const slider = (page) => page.getByRole("slider", { name: "Step of the series" });

// 150 texts; 50 more; all of the others.
function makeCollection(place) {
  const add = (name, part) => {
    writeFileSync(join(folder, name), part.join("\n"));
    run("add", place, join(folder, name));
  };
  add("first.jsonl", lines.slice(0, 150));
  run("collection", "version", "create", place, "first");
  add("second.jsonl", lines.slice(150, 200));
  run("collection", "version", "create", place, "with-more");
  add("third.jsonl", lines.slice(200));
  run("collection", "version", "create", place, "all");
}

describe("versions of a collection", () => {
  it("are steps of a slider, each with its own items in table, legend, selection and search", async () => {
    const place = join(folder, "texts");
    makeCollection(place);
    const said = await serve(place, "--versions");
    assert.deepEqual(said.steps.map(({ label, items }) => [label, items]), [["first", 150], ["with-more", 200], ["all", lines.length]]);
    assert.ok(said.steps.every(({ median_move: move }) => move < 0.1), "what stays keeps its place");
    const { page, errors } = await open(said.address);
    await title(page, `${lines.length} texts`);
    assert.equal(await slider(page).getAttribute("aria-valuetext"), "all, 3 of 3");

    // Something pinned, selected and found goes along as far as it is there.
    await page.evaluate((row) => (location.hash += `&pin=0&sel=0-${row.toString(36)}`), lines.length - 1);
    await page.getByRole("region", { name: "Pinned item" }).getByText(idsOf(lines)[0], { exact: true }).waitFor();
    await page.getByRole("searchbox", { name: "Search", exact: true }).fill("tennis racket");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "100 found" }).waitFor();

    await slider(page).press("ArrowLeft");
    await title(page, "200 texts");
    await title(page, "with-more");
    await slider(page).press("ArrowLeft");
    await title(page, "150 texts");
    await page.waitForFunction(() => location.hash.includes("v=first"));
    await page.getByRole("heading", { name: "100 found" }).waitFor();
    await page.getByRole("region", { name: "Pinned item" }).getByText(idsOf(lines)[0], { exact: true }).waitFor();
    await page.getByRole("navigation", { name: "View" }).getByRole("button", { name: "Table" }).click();
    assert.equal(await page.getByRole("grid").getAttribute("aria-rowcount"), "151");
    await page.getByLabel("Colour by").selectOption("category");
    const counted = async () => (await page.getByRole("list", { name: "Values of category" }).locator(".quiet").allTextContents()).reduce((sum, text) => sum + Number(text), 0);
    assert.equal(await counted(), 150, "the legend counts what is there");

    // And forward again: colours and codes are those of before, new items come.
    await slider(page).press("End");
    await title(page, `${lines.length} texts`);
    assert.equal(await counted(), lines.length);
    await page.waitForFunction(() => location.hash.includes("v=all"));
    await page.evaluate(() => location.reload());
    await title(page, `${lines.length} texts`);
    assert.deepEqual(errors, []);
    await page.close();
  });

  it("are laid out when the page is asked to", async () => {
    const place = join(folder, "asked");
    makeCollection(place);
    const said = await serve(place, "--method", "pca");
    const { page, errors } = await open(said.address);
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByRole("button", { name: "Through its 3 versions, step by step" }).click();
    await slider(page).waitFor();
    await slider(page).press("Home");
    await title(page, "150 texts");
    assert.deepEqual(errors, []);
    await page.close();
  });
});

describe("a training run", () => {
  it("shows how its space forms, coloured by label", async (t) => {
    const place = join(folder, "run");
    const settings = ["training.epochs=3", "training.batch_size=4", "schedule.warmup_epochs=0", "data.validation_share=0", "data.test_share=0"];
    const trained = spawnSync(program, ["train", join(root, "recipes/lenet-digits.toml"), "-o", place, ...settings.flatMap((one) => ["--set", one])], { encoding: "utf8" });
    if (trained.status !== 0 && /libtorch/.test(trained.stderr)) {
      t.skip("built without libtorch");
      return;
    }
    assert.equal(trained.status, 0, trained.stderr);
    const said = await serve(place);
    assert.deepEqual(said.steps.map(({ label }) => label), ["epoch 0", "epoch 1", "epoch 2", "epoch 3"]);
    const { page, errors } = await open(said.address);
    await page.getByLabel("Colour by").selectOption("label");
    await page.getByRole("list", { name: "Values of label" }).getByText("7").first().waitFor();
    assert.equal(await slider(page).getAttribute("aria-valuetext"), "epoch 3, 4 of 4");
    await slider(page).press("Home");
    await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get("v") === "epoch 0");
    await page.getByRole("button", { name: "Play the series" }).click();
    await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get("v") === "epoch 2");
    assert.deepEqual(errors, []);
    await page.close();
  });
});
