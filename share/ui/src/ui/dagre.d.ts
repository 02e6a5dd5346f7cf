// SPDX-License-Identifier: Apache-2.0
// What is used of dagre (Debian's node-dagre-layout), which comes without types.
declare module "dagre" {
  export interface Place { x: number; y: number; width: number; height: number }
  export class LayoutGraph {
    constructor(options: { compound: boolean });
    setGraph(options: Record<string, unknown>): void;
    setDefaultEdgeLabel(label: () => object): void;
    setNode(id: string, size: { width?: number; height?: number }): void;
    setParent(id: string, parent: string): void;
    setEdge(from: string, to: string): void;
    node(id: string): Place;
    edge(from: string, to: string): { points: { x: number; y: number }[] };
    graph(): { width: number; height: number };
  }
  const dagre: { graphlib: { Graph: typeof LayoutGraph }; layout: (graph: LayoutGraph) => void };
  export default dagre;
}
