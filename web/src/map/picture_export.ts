// The map as a file: PNG as it is seen; SVG with the points as a picture and lines and names as what they are.

import { scaleOf } from "./camera";
import { labelsOf, inkColor, mapFont, paperColor, edgeColor, pixelOf } from "./overlay";
import type { MapPainter } from "./map_painter";

export function mapToPng(painter: MapPainter): Promise<Blob | null> {
  const layers = painter.canvases();
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(...layers.map(({ width }) => width));
  canvas.height = Math.max(...layers.map(({ height }) => height));
  const context = canvas.getContext("2d");
  for (const layer of layers) context?.drawImage(layer, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

export const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

export function mapToSvg(painter: MapPainter): Blob | null {
  const current = painter.currentOverlay();
  if (!current) return null;
  const { context, input } = current;
  const { width, height } = input.view;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="100%" height="100%" fill="${paperColor(input.dark)}"/>`,
    `<image href="${painter.pointsPicture()}" width="${width}" height="${height}"/>`,
  ];
  const scale = scaleOf(input.camera, input.view);
  const [shiftX, shiftY] = [width / 2 - input.camera.x * scale, height / 2 + input.camera.y * scale];
  for (const { level, segments } of input.contours) {
    const path: string[] = [];
    for (let place = 0; place < segments.length; place += 4) {
      const [x0, y0, x1, y1] = [0, 1, 2, 3].map((part) =>
        (part % 2 === 0 ? segments[place + part] * scale + shiftX : shiftY - segments[place + part] * scale).toFixed(1),
      );
      path.push(`M${x0} ${y0}L${x1} ${y1}`);
    }
    parts.push(`<path d="${path.join("")}" fill="none" stroke="${inkColor(input.dark)}" stroke-opacity="${0.2 + level / 2}"/>`);
  }
  const from = pixelOf(input, input.pinned);
  for (const { row } of from ? (input.neighbors?.neighbors ?? []) : []) {
    const to = pixelOf(input, row);
    if (!from || !to) continue;
    const ends = `x1="${from.x.toFixed(1)}" y1="${from.y.toFixed(1)}" x2="${to.x.toFixed(1)}" y2="${to.y.toFixed(1)}"`;
    parts.push(`<line ${ends} stroke="${edgeColor(input.dark)}" stroke-width="1.5"/>`);
  }
  for (const { text, x, y, sizePx } of labelsOf(context, input)) {
    parts.push(
      `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-family="${mapFont}" font-size="${sizePx}" font-weight="600" ` +
        `text-anchor="middle" dominant-baseline="middle" fill="${inkColor(input.dark)}" stroke="${paperColor(input.dark)}" ` +
        `stroke-width="4" stroke-linejoin="round" paint-order="stroke">${escapeXml(text)}</text>`,
    );
  }
  parts.push("</svg>");
  return new Blob([parts.join("\n")], { type: "image/svg+xml" });
}
