/** The tree of modules as people read it: equal items of a list once, with how many there are. */
import type { ModuleInstance, ParameterInfo } from '../elaborate/instance.ts';
import { parametersOf, submodulesOf } from '../elaborate/instance.ts';
import type { Model } from '../elaborate/model.ts';
import { printType } from '../elaborate/signature.ts';
import { formatCount } from './units.ts';

export interface TreeNode {
  /** member name; `layers.{0…31}` for equal items */
  readonly label: string;
  /** module and, if it ran in an entry, the shape of its output */
  readonly detail: string;
  /** of all copies together */
  readonly parameters: number;
  readonly children: readonly TreeNode[];
}

export function countOf(parameters: Iterable<ParameterInfo>): number {
  let count = 0;
  for (const parameter of parameters) {
    if (!parameter.buffer) count += parameter.shape.reduce((product, dim) => product * dim, 1);
  }
  return count;
}

/** Traces every entry for the shapes of module outputs. */
export function treeOf(model: Model): TreeNode {
  const shapes = new Map<string, string>();
  for (const entry of model.entries) {
    for (const [path, type] of model.entry(entry)?.moduleOutputs ?? [])
      if (!shapes.has(path)) shapes.set(path, printType(type));
  }
  return moduleNode(model.name, model.root, shapes, new Set());
}

function moduleNode(
  label: string,
  instance: ModuleInstance,
  shapes: ReadonlyMap<string, string>,
  seen: Set<ModuleInstance>,
): TreeNode {
  const shape = shapes.get(instance.path);
  const name = instance.declaration.kind === 'model' ? '' : instance.declaration.name.text;
  const adapter = instance.adapter ? ` + ${instance.adapter.declaration.name.text}` : '';
  const detail = `${name}${adapter}${shape ? ` → ${shape}` : ''}`;
  if (seen.has(instance)) return { label, detail: `${detail} (shared)`, parameters: 0, children: [] };
  seen.add(instance);
  const own = [instance, ...(instance.adapter ? [instance.adapter] : [])].flatMap(parametersOf).map(parameterNode);
  const children = submodulesOf(instance).map((child) =>
    child.off
      ? { label: child.name, detail: `${child.instance.declaration.name.text} (off)`, parameters: 0, children: [] }
      : moduleNode(child.name, child.instance, shapes, seen),
  );
  // a module of parameters only (Linear, LayerNorm) takes one line
  if (children.length === 0 && own.length > 0 && instance.declaration.kind !== 'model') {
    const inside = own.map((node) => `${node.label} ${node.detail}`).join(', ');
    return {
      label,
      detail: `${name}${adapter} (${inside})${shape ? ` → ${shape}` : ''}`,
      parameters: sum(own),
      children: [],
    };
  }
  const all = [...own, ...merge(children)];
  return { label, detail, parameters: sum(all), children: all };
}

function sum(nodes: readonly TreeNode[]): number {
  return nodes.reduce((total, node) => total + node.parameters, 0);
}

function parameterNode(parameter: ParameterInfo): TreeNode {
  const detail = `[${parameter.shape.join(', ')}]${parameter.buffer ? ' (buffer)' : ''}${parameter.merged ? ' (merged)' : ''}`;
  return { label: parameter.name, detail, parameters: countOf([parameter]), children: [] };
}

/** Items of one list with the same contents become one node. */
function merge(children: readonly TreeNode[]): TreeNode[] {
  const groups = new Map<string, { indices: number[]; first: TreeNode; list: string }>();
  children.forEach((child, position) => {
    const item = /^(.*)\.(\d+)$/.exec(child.label);
    const key = item ? `${item[1]} ${contents(child)}` : `#${position}`;
    const group = groups.get(key);
    if (group) group.indices.push(Number(item![2]));
    else groups.set(key, { indices: item ? [Number(item[2])] : [], first: child, list: item?.[1] ?? '' });
  });
  return [...groups.values()].map(({ indices, first, list }) => {
    if (indices.length < 2) return first;
    return {
      ...first,
      label: `${list}[${indexText(indices)}]`,
      detail: `${indices.length} × ${first.detail}, each ${formatCount(first.parameters)}`,
      parameters: first.parameters * indices.length,
    };
  });
}

function contents(node: TreeNode): string {
  return `${node.detail}(${node.children.map((child) => `${child.label} ${contents(child)}`).join(',')})`;
}

function indexText(indices: readonly number[]): string {
  const step = indices[1]! - indices[0]!;
  const regular = indices.every((index, position) => index === indices[0]! + position * step);
  if (!regular || indices.length < 3) return indices.join(', ');
  return step === 1 ? `${indices[0]}–${indices.at(-1)}` : `${indices[0]}, ${indices[1]}, … ${indices.at(-1)}`;
}

export function printTree(root: TreeNode, depth: number): string {
  const rows: [string, string][] = [];
  const visit = (node: TreeNode, prefix: string, branch: string, level: number): void => {
    rows.push([`${prefix}${branch}${node.label}  ${node.detail}`.trimEnd(), formatCount(node.parameters)]);
    if (level >= depth) return;
    const inner = branch === '' ? '' : `${prefix}${branch === '└─ ' ? '   ' : '│  '}`;
    for (const [index, child] of node.children.entries())
      visit(child, inner, index === node.children.length - 1 ? '└─ ' : '├─ ', level + 1);
  };
  visit(root, '', '', 0);
  // counts first: the names and shapes may be as long as they like
  const width = Math.max(...rows.map(([, count]) => count.length));
  return rows.map(([text, count]) => `${count.padStart(width)}  ${text}`).join('\n');
}
