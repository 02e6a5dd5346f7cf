// SPDX-License-Identifier: Apache-2.0
// Moves and scales a picture: by dragging, by wheel (with Ctrl, or once the picture has the focus), by keys.
import { KeyboardEvent, PointerEvent, useCallback, useEffect, useRef, useState } from "react";

interface View { x: number; y: number; scale: number }
const limit = (scale: number) => Math.min(4, Math.max(0.05, scale));

export function usePanZoom(width: number, height: number) {
  const place = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const drag = useRef<{ x: number; y: number; moved: boolean }>();
  const fit = useCallback(() => {
    const box = place.current?.getBoundingClientRect();
    if (!box?.width || !width) return;
    const scale = limit(Math.min(1.2, box.width / width, box.height / height));
    setView({ scale, x: Math.max(0, (box.width - width * scale) / 2), y: Math.max(0, (box.height - height * scale) / 2) });
  }, [width, height]);
  useEffect(fit, [fit]);
  /** Around a point of the window, or the middle. */
  const zoom = useCallback((factor: number, clientX?: number, clientY?: number) => {
    const box = place.current?.getBoundingClientRect();
    if (!box) return;
    const atX = clientX === undefined ? box.width / 2 : clientX - box.left, atY = clientY === undefined ? box.height / 2 : clientY - box.top;
    setView(({ x, y, scale }) => {
      const next = limit(scale * factor);
      return { scale: next, x: atX - ((atX - x) * next) / scale, y: atY - ((atY - y) * next) / scale };
    });
  }, []);
  useEffect(() => {
    const shown = place.current;
    // React listens passively to the wheel, which could not keep the page from scrolling.
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== shown) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
    };
    shown?.addEventListener("wheel", onWheel, { passive: false });
    return () => shown?.removeEventListener("wheel", onWheel);
  }, [zoom]);
  const move = (x: number, y: number) => setView((old) => ({ ...old, x: old.x + x, y: old.y + y }));
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) move(step[0], step[1]);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  };
  const onPointerDown = (event: PointerEvent) => { drag.current = { x: event.clientX, y: event.clientY, moved: false }; };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const from = drag.current;
    if (!from || !event.buttons) return;
    // A short tremble is still a click on a box.
    if (!from.moved && Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4) return;
    if (!from.moved) event.currentTarget.setPointerCapture(event.pointerId);
    move(event.clientX - from.x, event.clientY - from.y);
    drag.current = { x: event.clientX, y: event.clientY, moved: true };
  };
  const onPointerUp = () => { drag.current = undefined; };
  return {
    place, fit, zoom, transform: `translate(${view.x},${view.y}) scale(${view.scale})`,
    handlers: { onKeyDown, onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp },
  };
}
