/**
 * A graph with modules folded: what is inside of a folded module is one box, edges are between what can be seen. A module
 * of a single node is that node, under the module's name.
 */
import type { ViewEntry, ViewNode } from '../shared/view.ts';
import { outwards } from './costs.ts';

export interface Box {
  readonly id: string;
  /** a node, or a folded module */
  readonly kind: ViewNode['kind'] | 'module';
  /** path of the module that it is, or lies in */
  readonly path: string;
  /** indices of the nodes that it stands for */
  readonly nodes: readonly number[];
  /** the innermost open module that it is drawn in; '' for none */
  readonly inside: string;
}

export interface Folded {
  readonly boxes: readonly Box[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
  /** open modules, outer ones first */
  readonly open: readonly string[];
}

/** @param expanded paths of modules that are open, where the modules around them are */
export function foldGraph({ nodes }: ViewEntry, expanded: ReadonlySet<string>): Folded {
  const sizes = new Map<string, number>();
  for (const { path } of nodes) for (const outer of outwards(path)) sizes.set(outer, (sizes.get(outer) ?? 0) + 1);
  const boxes = new Map<string, Box & { readonly nodes: number[] }>();
  const open = new Set<string>();
  const boxOf = nodes.map(({ kind, path }, index): string => {
    let inside = '';
    for (const outer of outwards(path).toReversed().slice(1)) {
      const single = sizes.get(outer) === 1;
      if (single) break;
      if (expanded.has(outer)) {
        inside = outer;
        open.add(outer);
        continue;
      }
      const id = `module ${outer}`;
      const known = boxes.get(id);
      if (known) known.nodes.push(index);
      else boxes.set(id, { id, kind: 'module', path: outer, nodes: [index], inside });
      return id;
    }
    const id = `node ${index}`;
    boxes.set(id, { id, kind, path, nodes: [index], inside });
    return id;
  });
  const edges = new Map<string, { from: string; to: string }>();
  nodes.forEach(({ from }, index) => {
    for (const source of from) {
      const edge = { from: boxOf[source]!, to: boxOf[index]! };
      if (edge.from !== edge.to) edges.set(`${edge.from} ${edge.to}`, edge);
    }
  });
  return { boxes: [...boxes.values()], edges: [...edges.values()], open: [...open] };
}

/** Modules that are open at first: those around few boxes, so that a small model is seen whole. */
export function firstOpen(entry: ViewEntry, most = 24): ReadonlySet<string> {
  let expanded = new Set<string>();
  for (;;) {
    const { boxes } = foldGraph(entry, expanded);
    const folded = boxes.filter(({ kind }) => kind === 'module').sort((a, b) => b.nodes.length - a.nodes.length);
    const next = folded.find(({ path }) => foldGraph(entry, new Set([...expanded, path])).boxes.length <= most);
    if (!next) return expanded;
    expanded = new Set([...expanded, next.path]);
  }
}
