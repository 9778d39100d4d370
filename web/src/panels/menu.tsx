// A button that opens a small panel under it. Escape, a click outside and focus elsewhere close it.

import { type ReactNode, useEffect, useRef, useState } from "react";

interface Props {
  title: string;
  pressed?: boolean;
  children: (close: () => void) => ReactNode;
}

export function Menu({ title, pressed = false, children }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent): void => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    window.addEventListener("pointerdown", outside, true);
    return () => window.removeEventListener("pointerdown", outside, true);
  }, [open]);
  return (
    <div
      className="menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open) {
          event.stopPropagation();
          setOpen(false);
          box.current?.querySelector("button")?.focus();
        }
      }}
      onBlur={(event) => {
        if (event.relatedTarget && !box.current?.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <button type="button" aria-expanded={open} data-pressed={pressed} onClick={() => setOpen(!open)}>
        {title} ▾
      </button>
      {open && <div className="menu-panel">{children(() => setOpen(false))}</div>}
    </div>
  );
}
