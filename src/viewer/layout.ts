/** Where boxes and edges are drawn: layers from inputs down to outputs, by dagre (Sugiyama's method). */
import { graphlib, layout } from '@dagrejs/dagre';
import type { Folded } from './fold.ts';

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Placed {
  readonly width: number;
  readonly height: number;
  /** by id of the box */
  readonly boxes: ReadonlyMap<string, Rect>;
  /** by path of the open module */
  readonly modules: ReadonlyMap<string, Rect>;
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly points: readonly { x: number; y: number }[];
  }[];
}

type Node = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/** @param widthOf in pixels, by id of the box */
export function placeGraph({ boxes, edges, open }: Folded, widthOf: (id: string) => number, height: number): Placed {
  const graph = new graphlib.Graph({ compound: true, multigraph: false });
  graph.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 26, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const cluster = (path: string): string => `open ${path}`;
  for (const path of open) graph.setNode(cluster(path), {});
  for (const path of open) {
    const outer = open.filter((other) => path.startsWith(`${other}.`)).sort((a, b) => b.length - a.length)[0];
    if (outer !== undefined) graph.setParent(cluster(path), cluster(outer));
  }
  for (const { id, inside } of boxes) {
    graph.setNode(id, { width: widthOf(id), height });
    if (inside !== '') graph.setParent(id, cluster(inside));
  }
  for (const { from, to } of edges) graph.setEdge(from, to);
  layout(graph);
  const rectOf = (id: string): Rect => {
    const { x, y, width, height: high } = graph.node(id) as unknown as Node;
    return { x: x - width / 2, y: y - high / 2, width, height: high };
  };
  const { width = 0, height: total = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height: total,
    boxes: new Map(boxes.map(({ id }) => [id, rectOf(id)])),
    modules: new Map(open.map((path) => [path, rectOf(cluster(path))])),
    edges: edges.map(({ from, to }) => {
      const edge = graph.edge(from, to) as unknown as { points: { x: number; y: number }[] };
      return { from, to, points: edge.points };
    }),
  };
}
