// Fingers, mouse and wheel on a map: moving, turning, zooming, outlines, and what is pointed at.

import { orbited, panned, zoomed, type Camera, type Viewport } from "./camera";
import { boxOf, type Polygon } from "./shapes";
import type { Tool } from "../state/store";

export interface GestureHost {
  camera(): Camera;
  view(): Viewport;
  dim(): 2 | 3;
  tool(): Tool;
  setCamera(camera: Camera): void;
  setOutline(outline: Polygon): void; // while it is drawn
  finishOutline(outline: Polygon, add: boolean): void;
  point(x: number, y: number): void; // hovers
  leave(): void;
  click(x: number, y: number): void;
}

const clickReachPx = 5;
const wheelStep = 0.0016;

interface Pointer {
  x: number;
  y: number;
}

export function attachGestures(element: HTMLElement, host: GestureHost): () => void {
  const pointers = new Map<number, Pointer>();
  let start: Pointer | null = null; // of a press that may become a click
  let outline: Pointer[] = [];
  let outlining: Tool = "pan";

  const placeOf = (event: PointerEvent | WheelEvent): Pointer => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const outlinePolygon = (): Polygon => {
    const [first, last] = [outline[0], outline[outline.length - 1]];
    return outlining === "box" ? boxOf(first.x, first.y, last.x, last.y) : outline.map(({ x, y }) => [x, y] as const);
  };

  const down = (event: PointerEvent): void => {
    if (event.button > 0) return;
    element.setPointerCapture(event.pointerId);
    const place = placeOf(event);
    pointers.set(event.pointerId, place);
    start = pointers.size === 1 ? place : null;
    outlining = event.shiftKey && host.tool() === "pan" ? "lasso" : host.tool();
    outline = outlining !== "pan" && pointers.size === 1 ? [place] : [];
  };

  const move = (event: PointerEvent): void => {
    const place = placeOf(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") host.point(place.x, place.y);
      return;
    }
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, pointer]) => pointer);
    pointers.set(event.pointerId, place);
    if (others.length > 0) {
      pinch(before, place, others[0]);
      return;
    }
    if (start && Math.hypot(place.x - start.x, place.y - start.y) > clickReachPx) start = null;
    if (outline.length > 0) {
      if (!start) {
        outline.push(place);
        host.setOutline(outlinePolygon());
      }
      return;
    }
    if (start) return;
    const [dx, dy] = [place.x - before.x, place.y - before.y];
    const turn = host.dim() === 3 && !event.altKey;
    host.setCamera(turn ? orbited(host.camera(), dx, dy) : panned(host.camera(), host.view(), dx, dy));
  };

  const pinch = (before: Pointer, after: Pointer, other: Pointer): void => {
    outline = [];
    start = null;
    const distance = (a: Pointer): number => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y));
    const [x, y] = [(after.x + other.x) / 2, (after.y + other.y) / 2];
    const moved = panned(host.camera(), host.view(), (after.x - before.x) / 2, (after.y - before.y) / 2);
    host.setCamera(zoomed(moved, host.view(), distance(after) / distance(before), x, y, host.dim()));
  };

  const up = (event: PointerEvent): void => {
    if (!pointers.delete(event.pointerId)) return;
    if (start) host.click(start.x, start.y);
    else if (outline.length > 1) host.finishOutline(outlinePolygon(), event.shiftKey && host.tool() !== "pan");
    host.setOutline([]);
    outline = [];
    start = null;
  };

  const cancel = (event: PointerEvent): void => {
    pointers.delete(event.pointerId);
    outline = [];
    start = null;
    host.setOutline([]);
  };

  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const { x, y } = placeOf(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const factor = Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) * wheelStep);
    host.setCamera(zoomed(host.camera(), host.view(), factor, x, y, host.dim()));
  };

  const leave = (): void => host.leave();
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", cancel);
  element.addEventListener("pointerleave", leave);
  element.addEventListener("wheel", wheel, { passive: false });
  return () => {
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", cancel);
    element.removeEventListener("pointerleave", leave);
    element.removeEventListener("wheel", wheel);
  };
}
