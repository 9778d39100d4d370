// The built page in Chromium against the mock server. node --test tests/end_to_end/
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { startMock } from "../../mock/server.mjs";
import { openBrowser, processorClock } from "./browser.mjs";

let mock;
let browser;
let page;
let errors;
let foreign;

before(async () => {
  mock = await startMock({ rowCount: 2000 });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  mock?.close();
});

async function newPage(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  const opened = await context.newPage();
  opened.setDefaultTimeout(60_000);
  opened.on("pageerror", (error) => errors.push(error.message));
  opened.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== mock.address) foreign.push(request.url());
  });
  return opened;
}

beforeEach(async () => {
  errors = [];
  foreign = [];
  page = await newPage();
});

afterEach(async () => {
  assert.deepEqual(errors, [], "the page threw");
  assert.deepEqual(foreign, [], "the page asked elsewhere");
  await page.context().close();
});

async function open(name = "demo", rest = "") {
  await page.goto(`${mock.address}/collections/${name}/atlas${rest}`);
  await page.getByTestId("map-0").locator("canvas[data-drawn]").waitFor();
}

const map = () => page.getByTestId("map-0").locator("canvas").last();
const notice = () => page.getByRole("status");

// How many hues more than a few pixels of a map have, of 24; names and lines of density have none.
const hueCount = (which = 0) =>
  page.evaluate((which) => {
    const from = document.querySelector(`[data-testid="map-${which}"] canvas`);
    const canvas = document.createElement("canvas");
    canvas.width = from.width;
    canvas.height = from.height;
    const context = canvas.getContext("2d");
    context.drawImage(from, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const counts = new Array(24).fill(0);
    for (let place = 0; place < data.length; place += 4) {
      const [r, g, b] = data.subarray(place, place + 3);
      if (Math.max(r, g, b) - Math.min(r, g, b) < 48) continue;
      const angle = Math.atan2(Math.sqrt(3) * (g - b), 2 * r - g - b) / Math.PI; // of the colour circle, -1 to 1
      counts[Math.floor((angle + 1) * 12) % 24]++;
    }
    return counts.filter((count) => count > 40).length;
  }, which);

// Until the points have the colours of their column, which comes after the points.
async function expectColors(which = 0) {
  let found = 0;
  for (let tries = 0; tries < 200; tries++) {
    found = await hueCount(which);
    if (found > 5) return;
    await page.waitForTimeout(100);
  }
  assert.fail(`the points have ${found} hues`);
}

// Where a row is on the screen, by its neighbours in the table.
async function pinByTable(row) {
  await page.getByRole("button", { name: "Table", exact: true }).click();
  const grid = page.getByRole("grid");
  await grid.focus();
  for (let step = 0; step < row; step++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Pinned item" }).waitFor();
}

describe("a map", () => {
  it("shows points, names of regions, legend and counts", async () => {
    await open();
    await expectColors();
    await page.getByText("2,000 texts").waitFor();
    await page.getByRole("list", { name: "Values of theme" }).getByText("football match").waitFor();
    await page.getByText("trust 0.971").waitFor();
  });

  it("shows the item under the pointer, pins it by a click, Escape unpins", async () => {
    await open();
    const box = await map().boundingBox();
    // Somewhere in a cluster: move until a card shows.
    const card = page.locator(".hover-card[data-shown=true]");
    let found = false;
    for (const waitMs of [60, 250, 1000]) {
      for (let step = 0; step < 40 && !found; step++) {
        await page.mouse.move(box.x + box.width / 2 + 100 + step * 6, box.y + box.height / 2);
        await page.waitForTimeout(waitMs);
        found = (await card.count()) > 0;
      }
    }
    assert.ok(found, "no card beside the pointer");
    assert.match(await card.textContent(), /A short text \d+ about a/);
    await page.mouse.down();
    await page.mouse.up();
    const pinned = page.getByRole("region", { name: "Pinned item" });
    await pinned.getByText("Nearest in the original space").waitFor();
    await pinned.getByText("false neighbours, crossed on the map").waitFor();
    assert.equal(await pinned.getByRole("listitem").count(), 25);
    await page.keyboard.press("Escape");
    await pinned.waitFor({ state: "detached" });
  });

  it("shows HTML and scripts of strangers as text", async () => {
    await open();
    await pinByTable(3);
    await page.getByRole("region", { name: "Pinned item" }).getByText("<script>window.hacked=1</script>").first().waitFor();
    assert.equal(await page.evaluate(() => window.hacked), undefined);
  });

  it("draws by WebGL too, and again after the context was lost", async () => {
    await open("demo", "?renderer=webgl");
    assert.equal(await page.getByTestId("map-0").getAttribute("data-renderer"), "webgl");
    const restored = await page.evaluate(async () => {
      const canvas = document.querySelector('[data-testid="map-0"] canvas');
      const loss = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
      const again = new Promise((resolve) => canvas.addEventListener("webglcontextrestored", () => resolve(true)));
      loss.loseContext();
      await new Promise((resolve) => setTimeout(resolve, 100));
      loss.restoreContext();
      return again;
    });
    assert.ok(restored);
    await map().press("+");
    await page.waitForTimeout(300);
    const picture = await map().screenshot();
    assert.ok(picture.length > 20_000, "an empty picture is smaller");
  });

  it("in space turns by dragging", async () => {
    await open("demo", "#p=umap3");
    await expectColors();
    const box = await map().boundingBox();
    await page.mouse.move(box.x + 300, box.y + 300);
    await page.mouse.down();
    await page.mouse.move(box.x + 420, box.y + 340, { steps: 4 });
    await page.mouse.up();
    await page.waitForFunction(() => /r=1\.5/.test(decodeURIComponent(location.hash)));
  });
});

describe("colours and filters", () => {
  it("of 5,000 categories are searched, and filter", async () => {
    await open("tags", "#c=tag");
    await page.getByRole("searchbox", { name: "Search the 5,000 values of tag" }).fill("value 4321");
    await page.getByRole("button", { name: "Only these 1" }).click();
    await page.getByRole("button", { name: "Table", exact: true }).click();
    await page.getByRole("heading", { name: "2 shown" }).waitFor();
    await page.getByRole("button", { name: "Show everything again" }).click();
    await page.getByRole("heading", { name: "10,000 items" }).waitFor();
  });

  it("by number, date and distortion have a legend of their own", async () => {
    await open();
    const select = page.getByLabel("Colour by");
    await select.selectOption("price");
    await page.getByText("40 without a value are grey.").waitFor();
    await select.selectOption("day");
    await page.locator(".ramp-ends").getByText("31 Dec 2025").waitFor();
    await select.selectOption({ label: "trust: near here is near in truth" });
    await page.getByText("Dark points have neighbours here").waitFor();
    await page.waitForFunction(() => location.hash.includes("c=%7Etrust"));
  });

  it("cross: a range of one column changes the histogram of another", async () => {
    await open();
    const bar = page.getByRole("button", { name: /^football match/ }).last();
    await bar.waitFor();
    const before = await bar.getAttribute("title");
    await page.getByLabel("price: at most").fill("50");
    await page.getByLabel("price: at most").press("Enter");
    await page.waitForFunction((before) => !document.querySelector(`.bars [title="${before}"]`), before);
    assert.notEqual(await bar.getAttribute("title"), before);
  });
});

async function lasso() {
  await page.getByRole("button", { name: "Select with a lasso" }).click();
  const box = await map().boundingBox();
  const at = (x, y) => [box.x + box.width * x, box.y + box.height * y];
  await page.mouse.move(...at(0.55, 0.1));
  await page.mouse.down();
  for (const [x, y] of [[0.98, 0.1], [0.98, 0.95], [0.55, 0.9]]) await page.mouse.move(...at(x, y), { steps: 4 });
  await page.mouse.up();
  await page.getByRole("heading", { name: /^[\d,]+ selected$/ }).first().waitFor();
}

describe("a selection", () => {
  it("by lasso goes to the table, to CSV and to a new collection", async () => {
    await open();
    await lasso();
    const count = Number((await page.locator(".right h2").first().textContent()).replace(/\D/g, ""));
    assert.ok(count > 100 && count < 1500);
    const selection = page.getByRole("region", { name: "Selection" });
    await selection.getByRole("button", { name: "Table" }).click();
    assert.equal(Number(await page.getByRole("grid").getAttribute("aria-rowcount")), count + 1);
    assert.ok((await page.locator(".table-row").count()) < 60, "only rows in view are in the page");
    const downloading = page.waitForEvent("download");
    await selection.getByRole("button", { name: "CSV" }).click();
    assert.equal((await downloading).suggestedFilename(), "demo.csv");
    await selection.getByRole("button", { name: "New collection…" }).click();
    await page.getByLabel("Name of the new collection").fill("part");
    await page.getByRole("button", { name: "Make" }).click();
    await notice().getByText(`Collection 'part' made with ${count.toLocaleString("en")} items`).waitFor();
    await selection.getByRole("button", { name: "New collection…" }).click();
    await page.getByLabel("Name of the new collection").fill("part");
    await page.getByRole("button", { name: "Make" }).click();
    await notice().getByText("there is a collection 'part' already").waitFor();
  });

  it("is in the link, with the rest of the view", async () => {
    await open();
    await lasso();
    await map().press("+");
    await page.getByLabel("Colour by").selectOption("price");
    await page.waitForFunction(() => location.hash.includes("c=price") && location.hash.includes("sel="));
    const heading = await page.locator(".right h2").first().textContent();
    const link = await page.evaluate(() => location.hash);
    await page.goto("about:blank");
    await open("demo", link);
    assert.equal(await page.locator(".right h2").first().textContent(), heading);
    assert.equal(await page.getByLabel("Colour by").inputValue(), ":price");
    assert.equal(new URLSearchParams(link.slice(1)).get("z"), "1.4");
  });
});

describe("a search", () => {
  it("by meaning lights points; the page works less than 150 ms for it", async () => {
    await open();
    await page.keyboard.press("/");
    await page.keyboard.type("soccer");
    const clock = await processorClock(page);
    const before = await clock();
    const drawn = await page.evaluate(() => Number(document.querySelector("canvas[data-drawn]").dataset.drawn));
    await page.evaluate(async (drawn) => {
      document.querySelector(".search").requestSubmit();
      while (!document.querySelector('[aria-label="Results"]') || Number(document.querySelector("canvas[data-drawn]").dataset.drawn) <= drawn) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    }, drawn);
    const tookMs = (await clock()) - before;
    await page.getByRole("heading", { name: "100 found" }).waitFor();
    assert.ok(tookMs < 150, `${tookMs} ms`);
  });

  it("by letters and by arithmetic; what the server refuses is said", async () => {
    await open();
    await page.getByLabel("Search by", { exact: true }).selectOption("letters");
    await page.getByRole("searchbox", { name: "Search", exact: true }).fill("painting");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "167 found" }).waitFor();
    await page.getByLabel("Search by", { exact: true }).selectOption("arithmetic");
    await page.getByLabel("Arithmetic of words").fill("broken +");
    await page.keyboard.press("Enter");
    await notice().getByText("an operand is missing after '+'").waitFor();
  });

  it("by a picture that is dropped", async () => {
    await open("pictures");
    const data = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array([1, 2, 3])], "shoe.png", { type: "image/png" }));
      return transfer;
    });
    await page.dispatchEvent(".page", "drop", { dataTransfer: data });
    await page.getByText("“shoe.png”").waitFor();
  });
});

describe("pictures", () => {
  it("appear when near; a broken one has a placeholder", async () => {
    const single = page.waitForResponse((response) => response.url().includes("/thumbnails/"));
    await open("pictures", "#p=umap&x=0&y=-0.7&z=1&l=0");
    for (let step = 0; step < 8; step++) await map().press("+");
    await single;
    await pinByTable(5);
    await page.getByRole("region", { name: "Pinned item" }).getByLabel("The picture of item-5 cannot be shown").waitFor();
  });

  it("stand for regions while points are many, and are pinned by a click", async () => {
    const typical = page.waitForResponse((response) => response.url().includes("/thumbnails/19?"));
    await open("pictures", "#p=umap");
    await typical;
    await page.getByLabel("Pictures of regions").waitFor();
    // The first region is at 5, 0 of the map's own coordinates.
    const points = mock.collections.get("pictures").points("umap");
    const [low, high] = [0, 1].map((which) => [0, 1].map((axis) => {
      const values = points.filter((value, place) => place % 2 === axis && Number.isFinite(value));
      return which === 0 ? Math.min(...values) : Math.max(...values);
    }));
    const box = await page.getByTestId("map-0").boundingBox();
    const scale = (Math.min(box.width, box.height) * 0.84) / Math.max(high[0] - low[0], high[1] - low[1]);
    const x = box.x + box.width / 2 + (5 - (low[0] + high[0]) / 2) * scale;
    const y = box.y + box.height / 2 + ((low[1] + high[1]) / 2) * scale;
    await page.mouse.move(x + 15, y + 15);
    await page.locator(".hover-card[data-shown=true]").getByText("item-12", { exact: true }).waitFor();
    await page.mouse.down();
    await page.mouse.up();
    await page.getByRole("region", { name: "Pinned item" }).getByText("item-12", { exact: true }).first().waitFor();
  });
});

describe("two maps", () => {
  it("of one collection share the selection", async () => {
    await open();
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByRole("button", { name: "Two maps of this collection" }).click();
    await page.getByTestId("map-1").locator("canvas[data-drawn]").waitFor();
    await expectColors(1);
    const picture = () => page.evaluate(() => document.querySelector('[data-testid="map-1"] canvas').toDataURL());
    const before = await picture();
    await lasso();
    for (let tries = 0; tries < 100 && (await picture()) === before; tries++) await page.waitForTimeout(100);
    assert.notEqual(await picture(), before, "what is selected in the first map shows in the second");
  });

  it("of two collections are joined by id", async () => {
    await open();
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByPlaceholder("its name").fill("pictures");
    await page.getByPlaceholder("its name").press("Enter");
    await notice().getByText("2,000 of 2,000 items are in 'pictures' too").waitFor();
    await page.getByTestId("map-1").locator("canvas[data-drawn]").waitFor();
    await page.waitForFunction(() => location.hash.includes("with=pictures"));
  });

  it("and a slider goes through the steps of a series", async () => {
    await open("demo", "#p=step-1");
    const slider = page.getByRole("slider", { name: "Step of the series" });
    await slider.press("ArrowRight");
    await page.waitForFunction(() => location.hash.includes("p=step-2"));
    assert.equal(await slider.getAttribute("aria-valuetext"), "step 2, 2 of 4");
  });
});

describe("without a mouse", () => {
  it("arrows move, plus zooms, Enter pins, the table is walked", async () => {
    await open();
    await map().focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("+");
    await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get("z") === "1.4");
    assert.ok(Number(new URLSearchParams(new URL(page.url()).hash.slice(1)).get("x")) < 0);
    await pinByTable(2);
    await page.getByRole("region", { name: "Pinned item" }).getByText("item-2", { exact: true }).waitFor();
  });
});

describe("when something is amiss", () => {
  it("a changed collection offers to reload", async () => {
    await open();
    await expectColors();
    await page.waitForLoadState("networkidle"); // else an earlier request meets the change, and its answer takes the legend away
    mock.collections.get("demo").snapshot = "s2";
    await page.getByRole("button", { name: "Table", exact: true }).click();
    await page.getByRole("button", { name: "Reload the map" }).click();
    await page.getByTestId("map-0").locator("canvas[data-drawn]").waitFor();
  });

  it("a collection without a map says how to make one, an unknown one that it is unknown", async () => {
    await page.goto(`${mock.address}/collections/empty/atlas`);
    await page.getByRole("heading", { name: "The collection 'empty' has no map yet" }).waitFor();
    await page.getByText("asterism reduce empty").waitFor();
    await page.goto(`${mock.address}/collections/nothing/atlas`);
    await page.getByText("there is no collection 'nothing'").waitFor();
  });

  it("a part that cannot be read leaves the rest usable", async () => {
    await page.route("**/neighbors**", (route) => route.fulfill({ status: 500, json: { error: { code: "internal", message: "the index is damaged", hint: "rebuild it" } } }));
    await open();
    await pinByTable(1);
    await notice().getByText("the index is damaged. rebuild it").waitFor();
    await expectColors();
  });
});

describe("elsewhere", () => {
  it("on a phone everything is reached", async () => {
    await page.context().close();
    page = await newPage({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });
    await open();
    const box = await map().boundingBox();
    assert.ok(box.width >= 380 && box.height > 300);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    await page.getByRole("button", { name: /Colours and filters/ }).click();
    await page.getByLabel("Colour by").selectOption("price");
  });

  it("a projector's files that are dropped become a map", async () => {
    await open();
    const data = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      const lines = Array.from({ length: 50 }, (_, row) => [row % 5, row / 10, Math.sin(row), 1].join("\t"));
      const labels = ["word\tgroup", ...lines.map((_, row) => `word ${row}\tg${row % 5}`)];
      transfer.items.add(new File([lines.join("\n")], "vectors.tsv"));
      transfer.items.add(new File([labels.join("\n")], "metadata.tsv"));
      return transfer;
    });
    await page.dispatchEvent(".page", "drop", { dataTransfer: data });
    await page.getByRole("heading", { name: "vectors.tsv" }).waitFor();
    await page.getByText("pca 2-D").first().waitFor({ state: "attached" });
    await page.getByLabel("Colour by").selectOption("group");
    await page.getByRole("list", { name: "Values of group" }).getByText("g3").waitFor();
  });

  it("the map goes out as PNG and SVG", async () => {
    await open();
    for (const [entry, name, start] of [["Map as PNG", "demo.png", "\u0089PNG"], ["Map as SVG", "demo.svg", "<svg "]]) {
      await page.getByRole("button", { name: "Export" }).click();
      const downloading = page.waitForEvent("download");
      await page.getByRole("button", { name: entry }).click();
      const download = await downloading;
      assert.equal(download.suggestedFilename(), name);
      const content = await (await download.createReadStream()).toArray();
      assert.ok(Buffer.concat(content).toString("latin1").startsWith(start));
    }
  });
});
