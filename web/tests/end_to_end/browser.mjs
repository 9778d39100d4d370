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
