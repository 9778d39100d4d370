// The built page in headless Chromium, as a reader meets it: first view from a cold start, frames a second while the
// map moves, search to lit points; behind each the processor time of the page's main thread, which a busy machine
// changes little. Made-up collections from the mock server; a map of 1,008 x 742 pixels.
//   cd web && npx vite build && node bench/page.mjs [rounds]
import { startMock } from "../mock/server.mjs";
import { openBrowser, processorClock } from "../tests/end_to_end/browser.mjs";

const rounds = Number(process.argv[2] ?? 3);
const panMs = 3000;
const mock = await startMock({ rowCount: 100_000 });
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function openPage(browser, name, query = "") {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.processorMs = await processorClock(page);
  await page.goto(`${mock.address}/collections/${name}/atlas${query}`);
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
  await page.fill("#search", "soccer");
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

await firstViewMs("demo"); // the mock computes its points once
await report("first view of 100,000, cold start", "ms", () => firstViewMs("demo"));
const browser = await openBrowser();
await report("moving 200,000", "frames/s", () => panFrames(browser, "large", ""));
await report("moving 1,000,000", "frames/s", () => panFrames(browser, "million", ""));
await report("moving 200,000, WebGL on the processor", "frames/s", () => panFrames(browser, "large", "?renderer=webgl"));
await report("search to lit points, 100,000", "ms", () => searchMs(browser, "demo"));
await browser.close();
mock.close();
