// axe-core over the page's states, in both themes: no violation at all.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { startMock } from "../../mock/server.mjs";
import { openBrowser } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let mock;
let browser;

before(async () => {
  mock = await startMock({ rowCount: 1000 });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  mock?.close();
});

const states = {
  "the first view": ["demo", ""],
  "an item pinned, rows selected, the table open": ["demo", "#pin=5&sel=0-k&q=soccer", "Table"],
  "thousands of categories": ["tags", "#c=tag"],
  "pictures, two maps": ["pictures", "#p=umap&p2=pca&pin=7"],
  "the export menu": ["demo", "", "Export ▾"],
  "the comparison's menu": ["demo", "", "Compare ▾"],
  "no map yet": ["empty", ""],
};

for (const colorScheme of ["light", "dark"]) {
  describe(`accessibility, ${colorScheme}`, () => {
    for (const [name, [collection, hash, button]] of Object.entries(states)) {
      it(name, async () => {
        const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme, bypassCSP: true });
        const page = await context.newPage();
        await page.goto(`${mock.address}/collections/${collection}/atlas${hash}`);
        await page.locator("canvas[data-drawn], [role=alert]").first().waitFor();
        if (button) await page.getByRole("button", { name: button, exact: true }).first().click();
        await page.waitForTimeout(500);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run());
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
        assert.deepEqual(found, []);
        await context.close();
      });
    }
  });
}
