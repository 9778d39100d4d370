// Debian's Chromium, headless, with its software renderer for WebGL.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const chromiumPath = process.env.ASTERISM_CHROMIUM ?? "/usr/bin/chromium";

export const chromiumIsThere = () => existsSync(chromiumPath);

export function openBrowser(extra = []) {
  return chromium.launch({
    executablePath: chromiumPath,
    args: ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", ...extra],
  });
}

// Processor time that the page's main thread has used, in milliseconds: much the same on a busy machine, which the time
// on the clock is not.
export async function processorClock(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration").value * 1000;
  };
}
