// The same points for every library: 40 clusters on a plane, in [-1, 1], by a fixed generator.
export interface Points {
  count: number;
  positions: Float32Array; // [count, 2]
  codes: Uint8Array; // [count], 0..9
}

export function makePoints(count: number): Points {
  let state = 7;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
  const normal = (): number => uniform() + uniform() + uniform() + uniform() - 2;
  const centres = Array.from({ length: 40 }, () => [uniform() * 1.6 - 0.8, uniform() * 1.6 - 0.8] as const);
  const positions = new Float32Array(count * 2);
  const codes = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const cluster = Math.floor(uniform() * centres.length);
    const [x, y] = centres[cluster] ?? [0, 0];
    positions[row * 2] = x + normal() * 0.1;
    positions[row * 2 + 1] = y + normal() * 0.1;
    codes[row] = cluster % 10;
  }
  return { count, positions, codes };
}

export const palette = [
  [31, 119, 180], [255, 127, 14], [44, 160, 44], [214, 39, 40], [148, 103, 189],
  [140, 86, 75], [227, 119, 194], [127, 127, 127], [188, 189, 34], [23, 190, 207],
] as const;

// What the bench asks of a page.
export interface Contender {
  show(points: Points): Promise<void>; // drawn once when it resolves
  pan(x: number, y: number): void; // centre of the view; draws
}

// Frames drawn in `durationMs` while the view circles. The time of a frame counts to the next animation frame, which
// the browser holds back while frames pile up.
async function panFrames(contender: Contender, durationMs: number): Promise<{ frames: number; elapsedMs: number }> {
  const start = performance.now();
  let frames = 0;
  while (performance.now() - start < durationMs) {
    const angle = frames * 0.05;
    contender.pan(Math.cos(angle) * 0.3, Math.sin(angle) * 0.3);
    frames++;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return { frames, elapsedMs: performance.now() - start };
}

export function offer(make: (canvas: HTMLCanvasElement) => Contender): void {
  const canvas = document.querySelector("canvas");
  if (!canvas) throw new Error("the page has no canvas");
  const contender = make(canvas);
  Object.assign(window, {
    bench: {
      async show(count: number) {
        const points = makePoints(count);
        const start = performance.now();
        await contender.show(points);
        await new Promise((resolve) => requestAnimationFrame(resolve));
        return performance.now() - start;
      },
      pan: (durationMs: number) => panFrames(contender, durationMs),
    },
  });
}
