/**
 * What several modules read and no tensor of the model is a part of, a mask, positions, belongs to the module around them: exporters leave it in the
 * one that came first, and its equals would differ from it for that alone.
 */
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts';
import { made } from '../ir/made.ts';

export function shareScopes(graph: Graph): Graph {
  const tensors = new Set<ValueId>(graph.parameters.map(({ value }) => value));
  const held = new Set<ValueId>(tensors);
  for (const node of graph.nodes)
    if (node.inputs.some((value) => held.has(value))) for (const value of node.outputs) held.add(value);
  /** the innermost module that all readers of a value lie in */
  const scopes = new Map<ValueId, string>();
  const read = (value: ValueId, scope: string): void => {
    const before = scopes.get(value);
    scopes.set(value, before === undefined ? scope : common(before, scope));
  };
  for (const { value } of graph.outputs) read(value, '');
  const paths = new Map<AnyNode, string>();
  for (const node of graph.nodes.toReversed()) {
    const readers = node.outputs.flatMap((value) => scopes.get(value) ?? []);
    const free = node.outputs.every((value) => !held.has(value));
    const path = free ? [node.origin.path, ...readers].reduce(common) : node.origin.path;
    for (const value of node.inputs) read(value, path);
    paths.set(node, path);
  }
  const madeIn = new Map<ValueId, string>();
  for (const node of graph.nodes) {
    const path = paths.get(node)!;
    const readers = node.outputs.flatMap((value) => scopes.get(value) ?? []);
    const around = [path, ...readers].reduce(common);
    // what comes out of a module, made of nothing that the module has, was never of it
    const outside = node.inputs.every(
      (value) => !tensors.has(value) && !isWithin(madeIn.get(value) ?? '', around, path),
    );
    if (around !== path && outside && node.inputs.length > 0) paths.set(node, around);
    for (const value of node.outputs) madeIn.set(value, paths.get(node)!);
  }
  const nodes = graph.nodes.map((node): AnyNode => {
    const path = paths.get(node)!;
    return path === node.origin.path ? node : ({ ...node, origin: { ...node.origin, path } } as AnyNode);
  });
  return made({ ...graph, nodes });
}

/** Whether a module lies in the part of `outer` that `path` lies in. */
function isWithin(module: string, outer: string, path: string): boolean {
  const depth = outer === '' ? 1 : outer.split('.').length + 1;
  const part = path.split('.').slice(0, depth).join('.');
  return module === part || module.startsWith(`${part}.`);
}

/** The module that both lie in. */
function common(a: string, b: string): string {
  const [left, right] = [a.split('.'), b.split('.')];
  const differs = left.findIndex((part, index) => part !== right[index]);
  return (differs < 0 ? left : left.slice(0, differs)).join('.');
}
