// SPDX-License-Identifier: Apache-2.0
// A list of very many rows: only those in sight are in the page. Heights are known before a row is drawn.
import { ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

interface VirtualProps {
  label: string;
  count: number;
  /** In pixels; `version` changes when some height did. */
  heightOf: (index: number) => number;
  version: unknown;
  row: (index: number) => ReactNode;
  className?: string;
  /** Stay at the end while rows are added, until the viewer scrolls away from it. */
  followEnd?: boolean;
  /** Brought into sight when it changes. */
  showIndex?: number;
  /** Tells how wide a row is. */
  onWidth?: (pixels: number) => void;
}

/** Where each row begins; the last is where the list ends. */
function useOffsets(count: number, heightOf: (index: number) => number, version: unknown): Float64Array {
  return useMemo(() => {
    const offsets = new Float64Array(count + 1);
    for (let i = 0; i < count; i++) offsets[i + 1] = offsets[i] + heightOf(i);
    return offsets;
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [count, version]);
}

/** The row that stands at a height. */
function rowAt(offsets: Float64Array, y: number): number {
  let low = 0, high = offsets.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

export function VirtualList({ label, count, heightOf, version, row, className, followEnd, showIndex, onWidth }: VirtualProps) {
  const place = useRef<HTMLDivElement>(null), atEnd = useRef(true);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const offsets = useOffsets(count, heightOf, version), total = offsets[count];
  useEffect(() => {
    const shown = place.current;
    if (!shown) return undefined;
    const observer = new ResizeObserver(() => { setHeight(shown.clientHeight || 600); onWidth?.(shown.clientWidth); });
    observer.observe(shown);
    return () => observer.disconnect();
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  useLayoutEffect(() => {
    if (followEnd && atEnd.current && place.current) place.current.scrollTop = total;
  }, [followEnd, total]);
  useLayoutEffect(() => {
    if (showIndex === undefined || showIndex < 0 || !place.current) return;
    atEnd.current = false;
    place.current.scrollTop = Math.max(0, offsets[showIndex] - place.current.clientHeight / 3);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [showIndex]);
  const onScroll = () => {
    const shown = place.current;
    if (!shown) return;
    atEnd.current = shown.scrollTop + shown.clientHeight >= shown.scrollHeight - 8;
    setTop(shown.scrollTop);
  };
  const first = count ? Math.max(0, rowAt(offsets, top) - 8) : 0, last = count ? Math.min(count, rowAt(offsets, top + height) + 9) : 0;
  const rows: ReactNode[] = [];
  for (let i = first; i < last; i++)
    rows.push(<div key={i} role="listitem" aria-setsize={count} aria-posinset={i + 1} className="virtual-row" style={{ top: offsets[i], height: offsets[i + 1] - offsets[i] }}>{row(i)}</div>);
  return (
    <div ref={place} className={`virtual ${className ?? ""}`} onScroll={onScroll} tabIndex={0} role="list" aria-label={label}>
      <div className="virtual-all" role="presentation" style={{ height: total }}>{rows}</div>
    </div>
  );
}
