/** Attention's gradients as one node: equal to the plain ops that are written without the option. */
import { expect, test } from 'vitest';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { verifyGraph } from '../../../src/compiler/ir/verify.ts';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { dce } from '../../../src/compiler/passes/dce.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { buildHandMade, differentiable, HAND_MADE } from './cases.ts';
import { noise, run, withLoss } from './support.ts';

const cases = HAND_MADE.filter(({ name }) => name.startsWith('attention'));
const count = (graph: Graph, op: string) => graph.nodes.filter((node) => node.op === op).length;

test.each(cases)('$name', (handMade) => {
  const graph = withLoss(buildHandMade(handMade), { midGraph: true });
  const inputs = new Set(differentiable(handMade));
  const request = { output: 'loss', parameters: new Set<string>(), inputs };
  const [plain, fused] = [differentiate(graph, request), differentiate(graph, { ...request, fusedAttention: true })];
  verifyGraph(fused);
  expect(count(plain, 'attention_grad')).toBe(0);
  expect(count(fused, 'attention_grad')).toBe(count(graph, 'attention'));
  // nothing of the softmax is left outside the node
  expect(count(fused, 'softmax')).toBe(0);

  const tensors = new Map<string, WideTensor>(handMade.inputs.map(({ name, tensor }) => [name, tensor]));
  for (const [index, { name }] of graph.inputs.filter((input) => !tensors.has(input.name)).entries()) {
    const of = run(buildHandMade(handMade), tensors).get(name.slice('cotangent.'.length))!;
    tensors.set(name, noise(of.shape, index + 5));
  }
  const names = [...inputs].map((name) => `gradient.${name}`);
  const [expected, actual] = [run(plain, tensors, names), run(fused, tensors, names)];
  for (const name of names) {
    const [{ data: a }, { data: b }] = [expected.get(name)!, actual.get(name)!];
    expect(b).toHaveLength(a.length);
    for (const [index, value] of a.entries()) expect(b[index], `${name}[${index}]`).toBeCloseTo(value, 12);
  }
  expect(count(dce(fused), 'attention_grad')).toBe(count(graph, 'attention'));
});
