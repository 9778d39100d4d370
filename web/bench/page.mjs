// The built page in headless Chromium, as a reader meets it: first view from a cold start, frames a second while the
// map moves, search to lit points; behind each the processor time of the page's main thread, which a busy machine
// changes little. Made-up collections from the mock server; a map of 1,008 x 742 pixels.
//   cd web && npx vite build && node bench/page.mjs [rounds]
// Of a real server, what a reader waits for in one of its collections (bench/atlas/large.py --hold makes and serves one):
//   node bench/page.mjs [rounds] --server http://127.0.0.1:8474/atlas/NAME [--words "of a search"]
import { parseArgs } from "node:util";
import { startMock } from "../mock/server.mjs";
import { openBrowser, processorClock } from "../tests/end_to_end/browser.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { server: { type: "string" }, words: { type: "string", default: "soccer" } },
});
const rounds = Number(positionals[0] ?? 3);
const panMs = 3000;
const mock = options.server ? null : await startMock({ rowCount: 100_000 });
const addressOf = (name) => options.server ?? `${mock.address}/collections/${name}/atlas`;
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function openPage(browser, name, query = "") {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.processorMs = await processorClock(page);
  await page.goto(addressOf(name) + query);
  await page.locator("canvas[data-drawn]").waitFor({ timeout: 120_000 });
  return page;
}

// Since the navigation began, in a browser that was just started.
async function firstViewMs(name) {
  const browser = await openBrowser();
  const page = await openPage(browser, name);
  const shownMs = await page.evaluate(() => performance.getEntriesByName("first view")[0].startTime);
  const processorMs = await page.processorMs();
  await browser.close();
  return [shownMs, processorMs];
}

// Arrow keys move the map, one step an animation frame.
async function panFrames(browser, name, query) {
  const page = await openPage(browser, name, query);
  await page.waitForTimeout(1500);
  const before = await page.processorMs();
  const [frames, elapsedMs] = await page.evaluate(async (panMs) => {
    const canvas = document.querySelector("canvas[data-drawn]");
    const drawnBefore = Number(canvas.dataset.drawn);
    const started = performance.now();
    for (let step = 0; performance.now() - started < panMs; step++) {
      const key = step % 8 < 4 ? "ArrowLeft" : "ArrowRight";
      canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return [Number(canvas.dataset.drawn) - drawnBefore, performance.now() - started];
  }, panMs);
  const processorMs = ((await page.processorMs()) - before) / frames;
  await page.close();
  return [(frames / elapsedMs) * 1000, processorMs];
}

async function searchMs(browser, name) {
  const page = await openPage(browser, name);
  await page.fill("#search", options.words);
  const before = await page.processorMs();
  const tookMs = await page.evaluate(async () => {
    const canvas = document.querySelector("canvas[data-drawn]");
    const drawnBefore = Number(canvas.dataset.drawn);
    const started = performance.now();
    document.querySelector(".search").requestSubmit();
    while (!document.querySelector('[aria-label="Results"]') || Number(canvas.dataset.drawn) <= drawnBefore) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return performance.now() - started;
  });
  const processorMs = (await page.processorMs()) - before;
  await page.close();
  return [tookMs, processorMs];
}

async function report(title, unit, measure) {
  const values = [];
  for (let round = 0; round < rounds; round++) values.push(await measure());
  const cell = (place) => median(values.map((value) => value[place])).toFixed(1).padStart(8);
  console.log(`${title.padEnd(42)} ${cell(0)} ${unit.padEnd(9)} processor ${cell(1)} ms`);
}

// Until `done(page)` holds, asked every animation frame.
async function waitMs(page, act, done) {
  const before = await page.processorMs();
  const started = performance.now();
  await act();
  await page.waitForFunction(done, undefined, { polling: "raf", timeout: 120_000 });
  return [performance.now() - started, (await page.processorMs()) - before];
}

// From the pointer's move over a point to the item's text.
async function hoverMs(browser) {
  const page = await openPage(browser, "demo");
  await page.waitForTimeout(1500);
  const box = await page.locator("canvas[data-drawn]").boundingBox();
  const shown = () => document.querySelector(".hover-card")?.dataset.shown === "true";
  let took = [Number.NaN, Number.NaN];
  for (let step = 0; step < 40; step++) {
    const [x, y] = [box.x + box.width * (0.3 + 0.01 * step), box.y + box.height * (0.35 + 0.0075 * step)];
    await page.mouse.move(box.x + 2, box.y + 2);
    const before = await page.processorMs();
    const started = performance.now();
    await page.mouse.move(x, y);
    const found = await page.waitForFunction(shown, undefined, { polling: "raf", timeout: 1000 }).catch(() => null);
    if (found) {
      took = [performance.now() - started, (await page.processorMs()) - before];
      break;
    }
  }
  await page.close();
  return took;
}

// A box over the left half of the map, then what is selected as a table, then as CSV.
async function useMs(browser) {
  const page = await openPage(browser, "demo");
  await page.waitForTimeout(1500);
  const box = await page.locator("canvas[data-drawn]").boundingBox();
  await page.getByRole("button", { name: "Select a box" }).click();
  const took = {};
  took.select = await waitMs(page, async () => {
    await page.mouse.move(box.x + 3, box.y + 3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height - 3, { steps: 3 });
    await page.mouse.up();
  }, () => /\d selected/.test(document.body.textContent ?? ""));
  const selection = page.getByRole("region", { name: "Selection" });
  took.table = await waitMs(
    page,
    () => selection.getByRole("button", { name: "Table", exact: true }).click(),
    () => document.querySelectorAll('[role="row"]').length > 5,
  );
  const started = performance.now();
  const downloading = page.waitForEvent("download", { timeout: 300_000 });
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("button", { name: /^CSV of/ }).click();
  await (await downloading).path();
  took.csv = [performance.now() - started, 0];
  await page.close();
  return took;
}

if (options.server) {
  await report("first view, cold start", "ms", () => firstViewMs("demo"));
  const browser = await openBrowser();
  await report("moving the map", "frames/s", () => panFrames(browser, "demo", ""));
  await report("pointer over a point to its text", "ms", () => hoverMs(browser));
  await report("search to lit points", "ms", () => searchMs(browser, "demo"));
  const uses = [];
  for (let round = 0; round < rounds; round++) uses.push(await useMs(browser));
  for (const [name, title] of [["select", "a box over half the map"], ["table", "the selection as a table"], ["csv", "the selection as CSV, on the disk"]]) {
    await report(title, "ms", () => uses[uses.length - 1][name]);
  }
  await browser.close();
} else {
  await measureMock();
}

async function measureMock() {
  await firstViewMs("demo"); // the mock computes its points once
  await report("first view of 100,000, cold start", "ms", () => firstViewMs("demo"));
  const browser = await openBrowser();
  await report("moving 200,000", "frames/s", () => panFrames(browser, "large", ""));
  await report("moving 1,000,000", "frames/s", () => panFrames(browser, "million", ""));
  await report("moving 200,000, WebGL on the processor", "frames/s", () => panFrames(browser, "large", "?renderer=webgl"));
  await report("search to lit points, 100,000", "ms", () => searchMs(browser, "demo"));
  await browser.close();
  mock.close();
}
