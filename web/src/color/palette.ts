// Colours that people with any colour vision tell apart. Categories: Okabe and Ito's eight (2008) without black, then
// Tol's "muted" (2021), then hues a golden angle apart. Numbers: cividis (Nunez, Anderton and Renslow 2018) and
// viridis, by stops. RGB is 0..255.

export type Rgb = readonly [number, number, number];

const firstCategories: readonly string[] = [
  "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442", // Okabe and Ito
  "#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499", // Tol
];

const viridisStops = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const cividisStops = ["#00224e", "#1a386f", "#434e6c", "#61656f", "#7d7c78", "#9c9477", "#bdae6e", "#decb5f", "#fee838"];

export function rgbOf(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export const cssOf = ([r, g, b]: Rgb, alpha = 1): string => `rgb(${r} ${g} ${b} / ${alpha})`;

function fromHsl(hue: number, saturation: number, lightness: number): Rgb {
  const part = (shift: number): number => {
    const k = (shift + hue / 30) % 12;
    const amount = saturation * Math.min(lightness, 1 - lightness);
    return Math.round(255 * (lightness - amount * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

// Dark colours vanish on a dark map, light ones on a light map: both are drawn towards the middle.
function readable([r, g, b]: Rgb, dark: boolean): Rgb {
  const luminance = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  if (dark && luminance < 0.32) {
    const share = (0.32 - luminance) * 1.4;
    return [r + (255 - r) * share, g + (255 - g) * share, b + (255 - b) * share].map(Math.round) as unknown as Rgb;
  }
  if (!dark && luminance > 0.72) return [r * 0.82, g * 0.82, b * 0.82].map(Math.round) as unknown as Rgb;
  return [r, g, b];
}

export function categoryColor(code: number, dark: boolean): Rgb {
  const hex = firstCategories[code];
  if (hex) return readable(rgbOf(hex), dark);
  const lightness = [0.45, 0.6, 0.52][code % 3];
  return readable(fromHsl((code * 137.508) % 360, 0.55, lightness), dark);
}

export const missingColor = (dark: boolean): Rgb => (dark ? [88, 94, 106] : [190, 195, 204]);
export const otherColor = (dark: boolean): Rgb => (dark ? [128, 134, 146] : [150, 156, 166]);
export const plainColor = (dark: boolean): Rgb => (dark ? [102, 170, 240] : [28, 102, 178]);

export type RampName = "viridis" | "cividis";

// `share` 0..1 to a colour; 256 steps, made once for each ramp.
const ramps = new Map<RampName, Uint8Array>();

export function ramp(name: RampName): Uint8Array {
  let table = ramps.get(name);
  if (!table) {
    const stops = (name === "viridis" ? viridisStops : cividisStops).map(rgbOf);
    table = new Uint8Array(256 * 3);
    for (let step = 0; step < 256; step++) {
      const place = (step / 255) * (stops.length - 1);
      const low = Math.min(Math.floor(place), stops.length - 2);
      for (let part = 0; part < 3; part++) {
        table[step * 3 + part] = Math.round(stops[low][part] + (stops[low + 1][part] - stops[low][part]) * (place - low));
      }
    }
    ramps.set(name, table);
  }
  return table;
}

export function rampCss(name: RampName): string {
  const stops = name === "viridis" ? viridisStops : cividisStops;
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
