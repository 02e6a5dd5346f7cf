// SPDX-License-Identifier: Apache-2.0
// A graph: boxes in containers with arrows between them. The picture is for the eye and the mouse; the list beside it says the
// same to everybody else, and chooses by keyboard.
import { memo, useMemo } from "react";
import { Arrow, Box, Container, Direction, layOut, Place, shorten } from "./graph-layout";
import { usePanZoom } from "./pan-zoom";

export type { Arrow, Box, Container, Direction } from "./graph-layout";

interface GraphProps {
  /** What is drawn, in words. */
  label: string;
  boxes: Box[];
  containers?: Container[];
  arrows: Arrow[];
  direction?: Direction;
  selected?: string;
  onSelect?: (id: string) => void;
}

interface ShapeProps { box: Box; place: Place; selected: boolean; onSelect?: (id: string) => void }

const BoxShape = memo(({ box, place: { x, y, width, height }, selected, onSelect }: ShapeProps) => (
  box.point ? <circle className="graph-point" cx={x + width / 2} cy={y + height / 2} r={width / 2} /> : (
    <g className={`graph-box ${box.tone ?? ""} ${selected ? "selected" : ""}`} onClick={() => onSelect?.(box.id)}>
      <title>{[box.title, box.text].filter(Boolean).join(" · ")}</title>
      <rect x={x} y={y} width={width} height={height} rx={7} />
      <rect className="graph-edge" x={x} y={y} width={5} height={height} rx={2.5} />
      <text x={x + 14} y={y + (box.text ? 19 : 27)}>{shorten(box.title)}</text>
      {box.text && <text className="graph-quiet" x={x + 14} y={y + 35}>{shorten(box.text)}</text>}
      {box.mark && <text className="graph-mark" x={x + width - 12} y={y + 27} textAnchor="end">{box.mark}</text>}
    </g>
  )
));

const Frame = memo(({ box, place: { x, y, width, height }, selected, onSelect }: ShapeProps) => (
  <g className={`graph-frame ${box.tone ?? ""} ${selected ? "selected" : ""}`} onClick={() => onSelect?.(box.id)}>
    <title>{[box.title, box.text].filter(Boolean).join(" · ")}</title>
    <rect x={x} y={y} width={width} height={height} rx={10} />
  </g>
));

/** Above the arrows, which would cross it. */
const FrameTitle = memo(({ box, place: { x, y, width }, onSelect }: ShapeProps) => (
  <g className={`graph-frame ${box.tone ?? ""}`} onClick={() => onSelect?.(box.id)}>
    <text x={x + 10} y={y + 17}>{shorten(`${box.title}${box.text ? ` · ${box.text}` : ""}`, Math.max(4, Math.floor((width - 36) / 7)))}</text>
    {box.mark && <text className="graph-mark" x={x + width - 10} y={y + 17} textAnchor="end">{box.mark}</text>}
  </g>
));

function BoxList({ boxes, containers, selected, onSelect }: { boxes: Box[]; containers: Container[]; selected?: string; onSelect?: (id: string) => void }) {
  const depth = useMemo(() => {
    const parents = new Map([...containers, ...boxes].map(({ id, parent }) => [id, parent]));
    return (id: string): number => { let n = 0; for (let up = parents.get(id); up && n < 20; up = parents.get(up)) n++; return n; };
  }, [boxes, containers]);
  return (
    <ul className="graph-list" aria-label="Parts of the graph">
      {[...containers, ...boxes.filter(({ point }) => !point)].map((box) => (
        <li key={box.id} style={{ paddingLeft: `${0.8 * depth(box.id)}rem` }}>
          <button type="button" className={`plain ${box.tone ?? ""}`} aria-pressed={box.id === selected} onClick={() => onSelect?.(box.id)}>
            {box.mark && <span aria-hidden="true">{box.mark} </span>}{box.title} {box.text && <span className="quiet">{box.text}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}

export function GraphView({ label, boxes, containers = [], arrows, direction = "TB", selected, onSelect }: GraphProps) {
  // Colours change while things run, places only with what is drawn.
  const shape = JSON.stringify([boxes.map(({ id, title, text, parent }) => [id, title, text, parent]), containers.map(({ id, parent }) => [id, parent]), arrows, direction]);
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const layout = useMemo(() => layOut(boxes, containers, arrows, direction), [shape]);
  const view = usePanZoom(layout.width, layout.height);
  const shapes = (all: Box[], Shape: typeof BoxShape) => all.map((box) => {
    const place = layout.places.get(box.id);
    return place && <Shape key={box.id} box={box} place={place} selected={box.id === selected} onSelect={onSelect} />;
  });
  return (
    <div className="graph">
      <div className="graph-view" {...view.handlers} ref={view.place} tabIndex={0} role="group" aria-label={`${label}. Arrow keys move the picture, plus and minus zoom, 0 fits it.`}>
        <svg aria-hidden="true">
          <defs>
            <marker id="graph-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" /></marker>
          </defs>
          <g transform={view.transform}>
            {shapes(containers, Frame)}
            {layout.paths.map(({ key, path, label: text, x, y }) => (
              <g key={key} className="graph-arrow">
                <path d={path} markerEnd="url(#graph-tip)" />
                {text && <text x={x + 6} y={y + 4}>{shorten(text, 18)}</text>}
              </g>
            ))}
            {shapes(containers, FrameTitle)}
            {shapes(boxes, BoxShape)}
          </g>
        </svg>
      </div>
      <div className="graph-tools">
        <button type="button" aria-label="Zoom in" onClick={() => view.zoom(1.25)}>+</button>
        <button type="button" aria-label="Zoom out" onClick={() => view.zoom(0.8)}>−</button>
        <button type="button" onClick={view.fit}>Fit</button>
      </div>
      <details className="graph-side"><summary>As a list</summary><BoxList boxes={boxes} containers={containers} selected={selected} onSelect={onSelect} /></details>
    </div>
  );
}
