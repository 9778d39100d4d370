// The item under the pointer, beside it. It follows by style alone, not through React.

import { useEffect, useRef, useState } from "react";
import type { Item } from "../data/contract";
import { useAtlas } from "../state/store";
import { ItemCard } from "./item_card";

const readDelayMs = 40;

export function HoverCard() {
  const dataset = useAtlas((state) => state.dataset);
  const hovered = useAtlas((state) => state.hovered);
  const pinned = useAtlas((state) => state.pinned);
  const [item, setItem] = useState<Item | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const move = (event: PointerEvent): void => {
      const element = box.current;
      if (!element) return;
      const left = event.clientX + 18 + 280 > window.innerWidth ? event.clientX - 298 : event.clientX + 18;
      const top = Math.min(event.clientY + 14, window.innerHeight - element.offsetHeight - 8);
      element.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
    };
    window.addEventListener("pointermove", move);
    return () => window.removeEventListener("pointermove", move);
  }, []);
  useEffect(() => {
    if (hovered < 0 || !dataset) return;
    let current = true;
    // Points that are only passed over are not asked for.
    const timer = setTimeout(
      () => {
        dataset.readItems([hovered]).then(
          (items) => current && setItem(items.at(0) ?? null),
          () => current && setItem(null), // hovering is no place for an error
        );
      },
      dataset.knownItem(hovered) ? 0 : readDelayMs,
    );
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [hovered, dataset]);
  const shown = hovered >= 0 && hovered !== pinned && item?.row === hovered;
  return (
    <div className="hover-card" ref={box} data-shown={shown} aria-hidden="true">
      {shown && <ItemCard item={item} brief />}
    </div>
  );
}
