// Beside each other at a million points: our own layer, regl-scatterplot and deck.gl, in headless Chromium.
//   cd web/bench && npm ci && cd .. && npx vite build -c bench/vite.config.ts && node bench/libraries.mjs
// Prints a table: time to the first picture, and frames a second while the view moves, at 1280 x 720.
import { preview } from "vite";
import { openBrowser } from "../tests/end_to_end/browser.mjs";

const names = ["own", "raster", "regl", "deck"];
const counts = [100_000, 200_000, 1_000_000];
const rounds = 2;

const server = await preview({ root: ".", logLevel: "error", build: { outDir: "dist/bench" }, preview: { port: 0 } });
const address = server.resolvedUrls?.local[0] ?? "";
const browser = await openBrowser();
console.log("library  points     first picture (ms)  pan (frames/s)");
for (let round = 0; round < rounds; round++) {
  for (const count of counts) {
    for (const name of names) {
      const page = await browser.newPage({ viewport: { width: 1300, height: 760 } });
      page.on("pageerror", (error) => console.error(name, error.message));
      await page.goto(`${address}${name}.html`);
      const shownMs = await page.evaluate((count) => window.bench.show(count), count);
      const { frames, elapsedMs } = await page.evaluate(() => window.bench.pan(3000));
      const cells = [name.padEnd(8), String(count).padEnd(10), shownMs.toFixed(0).padEnd(19)];
      console.log(cells.join(" "), ((frames / elapsedMs) * 1000).toFixed(1));
      if (process.env.BENCH_PICTURES) await page.screenshot({ path: `${process.env.BENCH_PICTURES}/${name}-${count}.png` });
      await page.close();
    }
  }
}
await browser.close();
await server.close();
