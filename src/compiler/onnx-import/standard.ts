/** Modules of the standard library, where a module computes what one of them does, from tensors of the same names. */
import { type AnyNode, type Graph, typeOf, type ValueId } from '../ir/graph.ts';
import { literal, shortest } from './operators.ts';
import type { Body, Mod } from './tree.ts';

/** Those that are looked for. */
export const STANDARD = [
  'BatchNorm1d',
  'BatchNorm2d',
  'Conv2d',
  'Embedding',
  'LayerNorm',
  'Linear',
  'RMSNorm',
] as const;

export interface StandardModule {
  readonly name: string;
  /** `Linear(64, 32)` */
  readonly text: string;
}

export function standardModule(graph: Graph, { tensors, children, body }: Mod): StandardModule | undefined {
  if (!body || children.size > 0 || body.inputs.length !== 1) return undefined;
  if (tensors.has('running_mean')) return batchNorm(graph, tensors, body);
  if (body.nodes.length !== 1) return undefined;
  const [node] = body.nodes as readonly [AnyNode];
  const [weight, bias] = [tensors.get('weight'), tensors.get('bias')];
  if (!weight?.trains || (bias && !bias.trains) || tensors.size !== (bias ? 2 : 1)) return undefined;
  const operands = node.inputs.map((value) =>
    value === weight.value ? 'weight' : value === bias?.value ? 'bias' : 'x',
  );
  const takes = operands.join();
  const expected = ['x', 'weight', ...(bias ? ['bias'] : [])].join();
  const { shape } = weight;
  const more: (string | false)[] = [];
  const made = (name: string, sizes: readonly (number | string)[], ...named: (string | false)[]): StandardModule => ({
    name,
    text: `${name}(${[...sizes, ...named.filter((text) => text !== false)].join(', ')})`,
  });
  const noBias = !bias && 'with_bias = false';
  switch (node.op) {
    case 'linear':
      return takes === expected ? made('Linear', [shape[1]!, shape[0]!], noBias) : undefined;
    case 'layer_norm':
      return takes === expected && shape.length === 1
        ? made('LayerNorm', [shape[0]!], epsilon(node.attributes.eps, 1e-5), noBias)
        : undefined;
    case 'rms_norm':
      return takes === 'x,weight' && !bias
        ? made('RMSNorm', [shape[0]!], epsilon(node.attributes.eps, 1e-6))
        : undefined;
    case 'gather':
      return takes === 'weight,x' && !bias && shape.length === 2 && node.attributes.axis === 0
        ? made('Embedding', shape)
        : undefined;
    case 'conv2d': {
      if (takes !== expected || typeOf(graph, node.inputs[0]).shape.length !== 4) return undefined;
      const { stride, padding, dilation, groups } = node.attributes;
      const size = (name: string, [a, b]: readonly [number, number], usual: number): string | false =>
        a === usual && b === usual ? false : `${name} = ${a === b ? a : `[${a}, ${b}]`}`;
      const [out, inner, kh, kw] = shape as readonly [number, number, number, number];
      const kernel = kh === kw ? kh : `[${kh}, ${kw}]`;
      more.push(size('stride', stride, 1), size('padding', padding, 0), size('dilation', dilation, 1));
      return made('Conv2d', [inner * groups, out, kernel], ...more, groups !== 1 && `groups = ${groups}`, noBias);
    }
    default:
      return undefined;
  }
}

/** The nodes of a normalisation by running statistics, each operand by its name or by the node that makes it. */
const BATCH_NORM = {
  2: 'add(running_var, eps) rsqrt(0) mul(weight, 1) mul(running_mean, 2) sub(bias, 3) mul(x, 2) add(5, 4)',
  4: 'add(running_var, eps) rsqrt(0) mul(weight, 1) mul(running_mean, 2) sub(bias, 3) reshape(2) mul(x, 5) reshape(4) add(6, 7)',
} as const;

function batchNorm(graph: Graph, tensors: Mod['tensors'], { nodes, inputs }: Body): StandardModule | undefined {
  const rank = typeOf(graph, inputs[0]!).shape.length;
  if (rank !== 2 && rank !== 4) return undefined;
  const expected = ['weight', 'bias', 'running_mean', 'running_var'];
  if (tensors.size !== 4 || !expected.every((name) => tensors.get(name)?.trains === !name.startsWith('running')))
    return undefined;
  const names = new Map<ValueId, string>([[inputs[0]!, 'x']]);
  for (const [name, { value }] of tensors) names.set(value, name);
  for (const [index, { outputs }] of nodes.entries()) names.set(outputs[0], String(index));
  const written = nodes.map(
    ({ op, inputs: operands }) => `${op}(${operands.map((value) => names.get(value) ?? 'eps').join(', ')})`,
  );
  const [eps] = nodes.flatMap((node) => node.inputs).filter((value) => !names.has(value));
  const number = graph.constants.find(({ value }) => value === eps)?.tensor;
  const [channels] = tensors.get('weight')!.shape;
  if (written.join(' ') !== BATCH_NORM[rank] || number?.shape.length !== 0) return undefined;
  if (typeOf(graph, nodes.at(-1)!.outputs[0]!).shape[1] !== channels) return undefined;
  const more = epsilon(number.data[0]!, 1e-5);
  const name = rank === 2 ? 'BatchNorm1d' : 'BatchNorm2d';
  return { name, text: `${name}(${[channels, ...(more === false ? [] : [more])].join(', ')})` };
}

function epsilon(eps: number, usual: number): string | false {
  const text = literal(shortest(eps));
  return text !== literal(usual) && `eps = ${text}`;
}
