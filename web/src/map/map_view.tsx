// One map of the page: reads its projection, wires pointer and keys, and hands the painter what to draw.

import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { LabelLevels } from "../data/contract";
import { messageOf } from "../data/source";
import { pin, select } from "../state/actions";
import type { Dataset } from "../state/dataset";
import { formatCount } from "../state/histogram";
import { useAtlas, useStore } from "../state/store";
import { type Covered, homeCamera, matrixOf, orbited, panned, scaleOf, zoomed } from "./camera";
import { densityContours } from "./density";
import { attachGestures } from "./gestures";
import { MapPainter } from "./map_painter";
import { registerMap } from "./open_maps";
import { carriedOver, type RowColors } from "./row_colors";
import type { Scene } from "./scene";
import { nearestInSpace, rowsInside } from "./shapes";
import { ThumbnailCache } from "./thumbnails";

const reachPx = 14;
const panStepPx = 60;
const rendererWanted = new URLSearchParams(location.search).get("renderer");

interface Props {
  place: number; // of the pane
  dataset: Dataset; // what this map shows
  colors: RowColors | null; // of our rows
}

function useScene(dataset: Dataset, projection: string): { scene: Scene | null; failure: string } {
  const [read, setRead] = useState<{ dataset: Dataset; scene: Scene } | null>(null);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    let current = true;
    dataset.scene(projection).then(
      (made) => {
        if (!current) return;
        setRead({ dataset, scene: made });
        setFailure("");
      },
      (problem: unknown) => {
        if (current) setFailure(messageOf(problem));
      },
    );
    return () => {
      current = false;
    };
  }, [dataset, projection]);
  // Of the dataset that is shown: until its map is read, the last one of it stands.
  const scene = dataset.knownScene(projection) ?? (read?.dataset === dataset ? read.scene : null);
  return { scene, failure };
}

// The bars that lie over a map, where names of regions are not seen.
function coveredParts(canvas: HTMLElement): Covered[] {
  const map = canvas.getBoundingClientRect();
  return [...(canvas.closest(".maps")?.querySelectorAll(".pane-bar, .map-tools") ?? [])]
    .map((bar) => bar.getBoundingClientRect())
    .filter(({ left, right, top, bottom }) => left < map.right && right > map.left && top < map.bottom && bottom > map.top)
    .map(({ left, right, top, bottom }) => [left - map.left, top - map.top, right - map.left, bottom - map.top]);
}

function useLabels(dataset: Dataset, projection: string, wanted: boolean): LabelLevels | null {
  const [labels, setLabels] = useState<{ projection: string; levels: LabelLevels } | null>(null);
  useEffect(() => {
    if (!wanted || !dataset.manifest.labels) return;
    // A map without names of regions is still a map.
    dataset.labels(projection).then((levels) => setLabels({ projection, levels })).catch(() => setLabels(null));
  }, [dataset, projection, wanted]);
  return wanted && labels?.projection === projection ? labels.levels : null;
}

export function MapView({ place, dataset, colors: ourColors }: Props) {
  const store = useStore();
  const pane = useAtlas((state) => state.panes[place]);
  const comparison = useAtlas((state) => (pane.other ? state.comparison : null));
  const dark = useAtlas((state) => state.dark);
  const wantContours = useAtlas((state) => state.contours);
  const wantPictures = useAtlas((state) => state.pictures);
  const pinned = useAtlas((state) => state.pinned);
  const hovered = useAtlas((state) => state.hovered);
  const passage = useAtlas((state) => state.passage);
  const neighbors = useAtlas((state) => state.neighbors);
  const falseNeighbors = useAtlas((state) => state.falseNeighbors);
  const tool = useAtlas((state) => state.tool);
  const wantLabels = useAtlas((state) => state.labels);
  const labels = useLabels(dataset, pane.projection, wantLabels);
  const { scene, failure } = useScene(dataset, pane.projection);
  const box = useRef<HTMLDivElement>(null);
  const points = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const painter = useRef<MapPainter | null>(null);
  const [noCanvas, setNoCanvas] = useState(false);
  const [gridScene, setGridScene] = useState<Scene | null>(null);

  const colors = useMemo(
    () => (ourColors && comparison ? carriedOver(ourColors, comparison.toOther, comparison.toOurs) : ourColors),
    [ourColors, comparison],
  );
  const contours = useMemo(() => {
    if (!wantContours || !scene || !colors) return [];
    return densityContours(scene, (row) => colors.colors[row * 4 + 3] > 0);
  }, [wantContours, scene, colors]);
  const wantThumbnails = (wantPictures || wantLabels) && dataset.manifest.thumbnails;
  const thumbnails = useMemo(
    () => (wantThumbnails ? new ThumbnailCache(dataset.source, () => painter.current?.ask()) : null),
    [dataset, wantThumbnails],
  );

  // Rows of this map and rows of the page are the same but where another collection is shown.
  const toHere = (row: number): number => (row < 0 || !comparison ? row : comparison.toOther[row]);
  const fromHere = (row: number): number => (row < 0 || !comparison ? row : comparison.toOurs[row]);

  useEffect(() => {
    if (!points.current || !overlay.current || !box.current) return;
    const made = MapPainter.create(points.current, overlay.current, rendererWanted);
    setNoCanvas(!made);
    if (!made) return;
    painter.current = made;
    const element = box.current;
    element.dataset.renderer = made.layerKind;
    const observer = new ResizeObserver(() => {
      made.resize(element.clientWidth, element.clientHeight);
      if (overlay.current) made.setCovered(coveredParts(overlay.current));
    });
    observer.observe(element);
    made.resize(element.clientWidth, element.clientHeight);
    const unregister = registerMap(place, made);
    return () => {
      unregister();
      observer.disconnect();
      made.release();
      painter.current = null;
    };
  }, [place]);

  // The grid waits until the first picture stands.
  useEffect(() => {
    if (scene?.dim !== 2) return;
    const timer = setTimeout(() => {
      dataset.grid(scene);
      setGridScene(scene);
    }, 120);
    return () => clearTimeout(timer);
  }, [dataset, scene]);

  useEffect(() => {
    if (overlay.current) painter.current?.setCovered(coveredParts(overlay.current));
    painter.current?.update({
      scene,
      colors,
      camera: pane.camera,
      dark,
      contours,
      labels,
      thumbnails,
      nearPictures: wantPictures,
      grid: scene && gridScene === scene ? dataset.grid(scene) : null,
      pinned: toHere(pinned),
      hovered: toHere(hovered),
      passage,
      neighbors: comparison ? null : neighbors,
      falseNeighbors,
    });
  });

  const host = {
    camera: () => store.get().panes[place].camera,
    shown: (row: number) => !!scene?.placed[row] && (!colors || colors.colors[row * 4 + 3] > 0),
    at(x: number, y: number): number {
      const view = painter.current?.view;
      if (!scene || !view) return -1;
      const picture = painter.current?.pictures.find(
        ({ x: middleX, y: middleY, sizePx }) => Math.abs(middleX - x) < sizePx / 2 && Math.abs(middleY - y) < sizePx / 2,
      );
      if (picture) return picture.row;
      const camera = host.camera();
      if (scene.dim === 3) return nearestInSpace(scene, matrixOf(camera, view, 3), view, x, y, reachPx, host.shown);
      const unit = scaleOf(camera, view);
      const [mapX, mapY] = [camera.x + (x - view.width / 2) / unit, camera.y - (y - view.height / 2) / unit];
      return dataset.grid(scene).nearest(mapX, mapY, reachPx / unit, host.shown);
    },
  };
  const hostRef = useRef(host);
  hostRef.current = host;
  const sceneRef = useRef(scene);
  sceneRef.current = scene;
  const fromHereRef = useRef(fromHere);
  fromHereRef.current = fromHere;

  useEffect(() => {
    const element = overlay.current;
    if (!element) return;
    let hoverFrame = 0;
    const viewOf = () => painter.current?.view ?? { width: 1, height: 1 };
    const detach = attachGestures(element, {
      camera: () => store.get().panes[place].camera,
      view: viewOf,
      dim: () => sceneRef.current?.dim ?? 2,
      tool: () => store.get().tool,
      setCamera: (camera) => store.setCamera(place, camera),
      setOutline: (outline) => painter.current?.setOutline(outline),
      finishOutline(outline, add) {
        const scene = sceneRef.current;
        if (!scene) return;
        const grid = scene.dim === 2 ? dataset.grid(scene) : null;
        const found = rowsInside(outline, scene, grid, host.camera(), viewOf(), hostRef.current.shown);
        const rows = Array.from(found, fromHereRef.current).filter((row) => row >= 0);
        const all = add ? new Set([...store.get().selection, ...rows]) : rows;
        select(store, Uint32Array.from(all).sort());
      },
      point(x, y) {
        cancelAnimationFrame(hoverFrame);
        hoverFrame = requestAnimationFrame(() => {
          const row = fromHereRef.current(hostRef.current.at(x, y));
          if (row !== store.get().hovered) store.set({ hovered: row });
        });
      },
      leave() {
        cancelAnimationFrame(hoverFrame);
        store.set({ hovered: -1 });
      },
      click(x, y) {
        const row = fromHereRef.current(hostRef.current.at(x, y));
        void pin(store, row);
      },
    });
    return () => {
      cancelAnimationFrame(hoverFrame);
      detach();
    };
    // host.camera reads the store each time it is called.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [store, place, dataset]);

  const keyDown = (event: KeyboardEvent): void => {
    const { camera } = store.get().panes[place];
    const view = painter.current?.view ?? { width: 1, height: 1 };
    const dim = scene?.dim ?? 2;
    const move = (dx: number, dy: number) => (dim === 3 ? orbited(camera, dx, dy) : panned(camera, view, dx, dy));
    const zoom = (factor: number) => zoomed(camera, view, factor, view.width / 2, view.height / 2, dim);
    const next = {
      ArrowLeft: () => move(panStepPx, 0),
      ArrowRight: () => move(-panStepPx, 0),
      ArrowUp: () => move(0, panStepPx),
      ArrowDown: () => move(0, -panStepPx),
      "+": () => zoom(1.4),
      "=": () => zoom(1.4),
      "-": () => zoom(1 / 1.4),
      "0": () => homeCamera,
    }[event.key];
    if (next) {
      event.preventDefault();
      store.setCamera(place, next());
    } else if (event.key === "Enter") {
      const row = fromHere(host.at(view.width / 2, view.height / 2));
      if (row >= 0) void pin(store, row);
      else store.set({ notice: "No item in the middle of the map" });
    }
  };

  const name = `Map ${pane.projection} of ${dataset.manifest.collection}, ${formatCount(dataset.manifest.row_count)} items`;
  return (
    <div className="map" ref={box} data-tool={tool} data-testid={`map-${place}`}>
      <canvas ref={points} aria-hidden="true" />
      <canvas
        ref={overlay}
        tabIndex={0}
        role="application"
        aria-label={`${name}. Arrow keys move, plus and minus zoom, Enter pins the item in the middle. The table lists items.`}
        onKeyDown={keyDown}
      />
      {!scene && !failure && <p className="map-state">Reading the map…</p>}
      {failure && <p className="map-state" role="alert">{failure}</p>}
      {noCanvas && <p className="map-state" role="alert">This browser cannot draw. The table lists all items.</p>}
      {scene?.placedCount === 0 && <p className="map-state">No item has a place on this map.</p>}
    </div>
  );
}
