import { describe, expect, it } from "vitest";
import { fitted, fromPixel, homeCamera, matrixOf, panned, toPixel, type Viewport, zoomed } from "../../src/map/camera";
import { densityContours } from "../../src/map/density";
import { placeLabels, placeRegionPictures } from "../../src/map/label_placement";
import { makeScene } from "../../src/map/scene";
import { boxOf, isInside, nearestInSpace, rowsInside } from "../../src/map/shapes";
import { SpatialGrid } from "../../src/map/spatial_grid";

const view = { width: 800, height: 600 };
const all = () => true;

function randomScene(rowCount: number) {
  let state = 1;
  const uniform = () => (state = (Math.imul(state, 48271) >>> 0) % 2147483647) / 2147483647;
  return makeScene("m", Float32Array.from({ length: rowCount * 2 }, () => uniform() * 7 - 3), 2);
}

describe("a scene", () => {
  it("fits [-1, 1] and keeps proportions", () => {
    const scene = makeScene("m", Float32Array.from([0, 0, 10, 0, 0, 5]), 2);
    expect([...scene.positions]).toEqual([-1, -0.5, 1, -0.5, -1, 0.5]);
  });

  it("marks rows without a place, and stands identical rows in the middle", () => {
    const scene = makeScene("m", Float32Array.from([3, 3, NaN, 1, 3, 3, Infinity, 0]), 2);
    expect([...scene.placed]).toEqual([1, 0, 1, 0]);
    expect([...scene.positions]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(makeScene("m", new Float32Array(0), 2).placedCount).toBe(0);
  });
});

describe("the camera", () => {
  it("keeps what is under the pointer while zooming", () => {
    const before = fromPixel(homeCamera, view, 200, 150);
    const after = fromPixel(zoomed(homeCamera, view, 3, 200, 150, 2), view, 200, 150);
    expect(after.x).toBeCloseTo(before.x, 9);
    expect(after.y).toBeCloseTo(before.y, 9);
  });

  it("moves the map with the pointer, and pixels are where the matrix says", () => {
    const camera = panned({ ...homeCamera, zoom: 2 }, view, 40, -30);
    const place = fromPixel(camera, view, 440, 270);
    const pixel = toPixel(matrixOf(camera, view, 2), view, place.x, place.y);
    expect(pixel.x).toBeCloseTo(440, 3);
    expect(pixel.y).toBeCloseTo(270, 3);
  });

  it("in space shows the middle in the middle, from every side", () => {
    for (const yaw of [0, 1, 3]) {
      const matrix = matrixOf({ ...homeCamera, yaw, pitch: 0.7 }, view, 3);
      expect(toPixel(matrix, view, 0, 0, 0)).toMatchObject({ x: 400, y: 300, visible: true });
    }
    // From the front x goes right and y up, and what is nearer is seen larger.
    const front = matrixOf({ ...homeCamera, yaw: 0, pitch: 0 }, view, 3);
    expect(toPixel(front, view, 0.5, 0.5, 0).x).toBeGreaterThan(400);
    expect(toPixel(front, view, 0.5, 0.5, 0).y).toBeLessThan(300);
    expect(toPixel(front, view, 0.5, 0, 1).x).toBeGreaterThan(toPixel(front, view, 0.5, 0, -1).x);
  });

  it("fits rows into the view", () => {
    const scene = randomScene(200);
    const camera = fitted(scene.positions, [4, 5, 6], view);
    for (const row of [4, 5, 6]) {
      const at = toPixel(matrixOf(camera, view, 2), view, scene.positions[row * 2], scene.positions[row * 2 + 1]);
      expect(at.visible).toBe(true);
    }
    expect(fitted(scene.positions, [], view)).toEqual(homeCamera);
  });
});

describe("points under the pointer", () => {
  it("are the nearest by every pair, and hidden ones are passed over", () => {
    const scene = randomScene(3000);
    const grid = new SpatialGrid(scene);
    for (let row = 0; row < 50; row++) {
      const [x, y] = [scene.positions[row * 2] + 0.004, scene.positions[row * 2 + 1] - 0.003];
      let best = -1;
      let bestDistance = 0.03;
      for (let other = 0; other < 3000; other++) {
        const distance = Math.hypot(scene.positions[other * 2] - x, scene.positions[other * 2 + 1] - y);
        if (other % 2 === 0 && distance < bestDistance) {
          best = other;
          bestDistance = distance;
        }
      }
      expect(grid.nearest(x, y, 0.03, (other) => other % 2 === 0)).toBe(best);
    }
  });

  it("in space are found by pixel", () => {
    const scene = makeScene("m", Float32Array.from([-1, 0, 0, 1, 0, 0, 0, 1, 0]), 3);
    const matrix = matrixOf(homeCamera, view, 3);
    for (let row = 0; row < 3; row++) {
      const [x, y, z] = scene.positions.subarray(row * 3, row * 3 + 3);
      const pixel = toPixel(matrix, view, x, y, z);
      expect(nearestInSpace(scene, matrix, view, pixel.x + 2, pixel.y, 10, all)).toBe(row);
    }
    expect(nearestInSpace(scene, matrix, view, 1, 1, 10, all)).toBe(-1);
  });
});

describe("a lasso", () => {
  it("takes what lies inside, also of a hollow outline", () => {
    const hollow = [[0, 0], [10, 0], [10, 10], [5, 3], [0, 10]] as const;
    expect(isInside(hollow, 5, 2)).toBe(true);
    expect(isInside(hollow, 5, 8)).toBe(false);
    expect(isInside([], 0, 0)).toBe(false);
  });

  it("over the map gives the rows that a scan gives", () => {
    const scene = randomScene(2000);
    const camera = zoomed(homeCamera, view, 2, 300, 200, 2);
    const outline = [[100, 80], [600, 200], [420, 520], [180, 430]] as const;
    const fast = rowsInside(outline, scene, new SpatialGrid(scene), camera, view, all);
    const slow = rowsInside(outline, scene, null, camera, view, all);
    expect(fast.length).toBeGreaterThan(50);
    expect([...fast]).toEqual([...slow]);
    expect(rowsInside(boxOf(0, 0, 1, 1), scene, new SpatialGrid(scene), camera, view, all)).toHaveLength(0);
  });
});

describe("what lies over the points", () => {
  it("lines of density close around the dense place", () => {
    const values = new Float32Array(4000).map((_, place) => (place < 3900 ? Math.sin(place * 12.9) * 0.2 : (place % 3) - 1));
    const contours = densityContours(makeScene("m", values, 2), all);
    expect(contours).toHaveLength(5);
    const ends = new Map<string, number>();
    const segments = contours[2].segments;
    for (let place = 0; place < segments.length; place += 2) {
      const key = `${segments[place].toFixed(4)},${segments[place + 1].toFixed(4)}`;
      ends.set(key, (ends.get(key) ?? 0) + 1);
    }
    expect(segments.length).toBeGreaterThan(0);
    expect([...ends.values()].every((count) => count % 2 === 0)).toBe(true);
    expect(densityContours(makeScene("m", new Float32Array(0), 2), all)).toEqual([]);
  });

  it("names of regions do not cover each other; the larger region wins", () => {
    const scene = makeScene("m", Float32Array.from([0, 0, 10, 10]), 2);
    const labels = [
      { x: 5, y: 5, text: "small", count: 5 },
      { x: 5, y: 5.1, text: "large", count: 50 },
      { x: 9, y: 1, text: "far", count: 1 },
    ];
    const placed = placeLabels([{ zoom: 1, labels }], scene, matrixOf(homeCamera, view, 2), view, 1, (text) => text.length * 8);
    expect(placed.map(({ text }) => text)).toEqual(["large", "far"]);
  });

  it("a name near the edge of the view moves in", () => {
    const scene = makeScene("m", Float32Array.from([0, 0, 10, 10]), 2);
    const camera = panned(homeCamera, view, 390, 0);
    const [placed] = placeLabels([{ zoom: 1, labels: [{ x: 5, y: 5, text: "twenty letters long", count: 1 }] }], scene, matrixOf(camera, view, 2), view, 1, () => 160);
    expect(placed.x).toBe(view.width - 86);
  });

  it("names are not put under a bar that lies over the map", () => {
    const scene = makeScene("s", Float32Array.from([-1, -1, 1, 1]), 2);
    const free = { width: 400, height: 400 };
    const levels = [{ zoom: 1, labels: [{ x: 0, y: 0, text: "middle", count: 9 }, { x: 0.5, y: 0.5, text: "corner", count: 5 }] }];
    const textsIn = (view: Viewport) => placeLabels(levels, scene, matrixOf(homeCamera, view, 2), view, 1, () => 60).map(({ text }) => text);
    expect(textsIn(free)).toEqual(["middle", "corner"]);
    expect(textsIn({ ...free, covered: [[150, 180, 250, 220]] })).toEqual(["corner"]);
  });

  it("names in space stand where their region is", () => {
    const scene = makeScene("m", Float32Array.from([0, 0, 0, 10, 10, 10]), 3);
    const matrix = matrixOf(homeCamera, view, 3);
    const labels = [{ x: 5, y: 5, z: 10, text: "behind", count: 5 }, { x: 5, y: 5, text: "without a place", count: 9 }];
    const placed = placeLabels([{ zoom: 1, labels }], scene, matrix, view, 1, () => 60);
    expect(placed).toHaveLength(1);
    expect(placed[0]).toMatchObject({ text: "behind", x: toPixel(matrix, view, 0, 0, 1).x });
  });

  it("regions of pictures show the most typical one that is shown, the larger region larger", () => {
    const scene = makeScene("m", Float32Array.from([0, 0, 10, 10]), 2);
    const labels = [
      { x: 1, y: 1, rows: [4, 5], count: 4 },
      { x: 9, y: 9, rows: [6], count: 100 },
      { x: 9, y: 8.9, rows: [7], count: 50 },
      { x: 1, y: 9, rows: [8], count: 50 },
    ];
    const placed = placeRegionPictures([{ zoom: 1, labels }], scene, matrixOf(homeCamera, view, 2), view, 1, (row) => row !== 4 && row !== 8);
    expect(placed.map(({ row }) => row)).toEqual([6, 5]);
    expect(placed[0].sizePx).toBeGreaterThan(placed[1].sizePx);
  });
});
