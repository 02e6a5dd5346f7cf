// SPDX-License-Identifier: Apache-2.0
// Where the boxes of a graph stand: dagre's layers, with containers around what belongs together.
import dagre from "dagre";

export interface Box {
  id: string;
  title: string;
  text?: string;
  /** A class that colours it: `state-failed`. */
  tone?: string;
  mark?: string;
  /** The container that it stands in. */
  parent?: string;
  /** Only a joint of arrows: drawn as a dot, not listed. */
  point?: boolean;
}
export type Container = Omit<Box, "point">;
export interface Arrow { from: string; to: string; label?: string }
export type Direction = "TB" | "LR";

export interface Place { x: number; y: number; width: number; height: number }
export interface Layout {
  width: number;
  height: number;
  places: Map<string, Place>;
  /** One a drawn arrow: how an SVG path writes it, and where its label stands. */
  paths: { key: string; path: string; label?: string; x: number; y: number }[];
}

export const shorten = (text: string, most = 30) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const widthOf = ({ title, text }: Box) => Math.max(120, 44 + 7.6 * Math.max(shorten(title).length, 0.85 * shorten(text ?? "").length));

/** Through the points, with round corners. */
function pathOf(points: { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  const parts = [`M${first.x},${first.y}`];
  rest.slice(0, -1).forEach((point, index) => {
    const next = rest[index + 1], last = index === rest.length - 2;
    parts.push(`Q${point.x},${point.y} ${last ? next.x : (point.x + next.x) / 2},${last ? next.y : (point.y + next.y) / 2}`);
  });
  if (rest.length === 1) parts.push(`L${rest[0].x},${rest[0].y}`);
  return parts.join("");
}

export function layOut(boxes: Box[], containers: Container[], arrows: Arrow[], direction: Direction): Layout {
  const graph = new dagre.graphlib.Graph({ compound: true });
  graph.setGraph({ rankdir: direction, nodesep: 22, edgesep: 12, ranksep: 30, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  const names = new Set(boxes.map(({ id }) => id));
  // A container without anything in it has no place.
  const filled = new Set(boxes.map(({ parent }) => parent));
  for (let more = true; more;) {
    more = false;
    for (const { id, parent } of containers)
      if (filled.has(id) && parent && !filled.has(parent)) { filled.add(parent); more = true; }
  }
  const shown = containers.filter(({ id }) => filled.has(id)), frames = new Set(shown.map(({ id }) => id));
  shown.forEach(({ id }) => graph.setNode(id, {}));
  boxes.forEach((box) => graph.setNode(box.id, box.point ? { width: 8, height: 8 } : { width: widthOf(box), height: 44 }));
  [...shown, ...boxes].forEach(({ id, parent }) => { if (parent && frames.has(parent)) graph.setParent(id, parent); });
  const drawn = new Map(arrows.filter(({ from, to }) => from !== to && names.has(from) && names.has(to)).map((arrow) => [`${arrow.from} ${arrow.to}`, arrow]));
  drawn.forEach(({ from, to }) => graph.setEdge(from, to));
  dagre.layout(graph);
  const places = new Map<string, Place>();
  [...shown, ...boxes].forEach(({ id }) => {
    const { x, y, width, height } = graph.node(id);
    places.set(id, { x: x - width / 2, y: y - height / 2, width, height });
  });
  const paths = [...drawn].map(([key, { from, to, label }]) => {
    const { points } = graph.edge(from, to), middle = points[Math.floor(points.length / 2)];
    return { key, path: pathOf(points), label, x: middle.x, y: middle.y };
  });
  const { width, height } = graph.graph();
  return { width, height, places, paths };
}
