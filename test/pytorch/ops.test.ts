/** Every case of test/ops as expressions of PyTorch, against torch's float64 results and those by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { HELPERS } from '../../src/compiler/backends/pytorch/helpers.ts';
import { lowered } from '../../src/compiler/backends/pytorch/index.ts';
import { LOWERINGS } from '../../src/compiler/backends/pytorch/lowerings/index.ts';
import { literal } from '../../src/compiler/backends/pytorch/lowerings/pointwise.ts';
import { atom, type Expr, Names, string } from '../../src/compiler/backends/pytorch/python.ts';
import { Sizes } from '../../src/compiler/backends/pytorch/sizes.ts';
import { type Graph, typeOf } from '../../src/compiler/ir/graph.ts';
import { encodeSafetensors, type HostTensor } from '../../src/runtime/index.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { buildExtraCase, EXTRA_CASES } from '../ops/extra-cases.ts';
import { buildCase, loadCases } from '../ops/reference-cases.ts';
import { type ReferenceTensor, readTensors, relativeError } from '../support/reference.ts';
import { describeTorch, runPython, scratch } from './support.ts';

interface Case {
  readonly name: string;
  readonly graph: Graph;
  readonly inputs: readonly WideTensor[];
  readonly outputs: readonly WideTensor[];
}

/** |actual − expected| ≤ this × the largest |expected|. */
const TOLERANCE = 1e-5;
const DTYPES = { f32: 'float32', i64: 'int64', bool: 'bool' } as const;

const isRefused = ({ nodes }: Graph): boolean => nodes.some(({ op }) => 'refused' in LOWERINGS[op]);

const ALL: readonly Case[] = [
  ...loadCases().map((reference) => ({
    name: reference.name,
    graph: buildCase(reference),
    inputs: reference.inputs.map(({ tensor }) => tensor),
    outputs: reference.outputs.map(({ tensor }) => tensor),
  })),
  ...EXTRA_CASES.map((extra) => ({
    name: `extra ${extra.name}`,
    graph: buildExtraCase(extra),
    inputs: extra.inputs.map(({ tensor }) => tensor),
    outputs: extra.outputs as readonly WideTensor[],
  })),
];
const CASES = ALL.filter(({ graph }) => !isRefused(graph));

/** A graph as a function of Python, a statement a node. */
function functionOf(name: string, graph: Graph): string {
  const values = new Map<number, Expr>(graph.inputs.map(({ value }) => [value, atom(`v${value}`)]));
  for (const { value, tensor } of graph.constants) {
    const items = Array.from(tensor.data, (item) => literal(item, tensor.dtype).text).join(', ');
    const made = `torch.tensor([${items}], dtype=torch.${DTYPES[tensor.dtype]}).reshape(${tensor.shape.join(', ')})`;
    values.set(value, tensor.shape.length === 0 ? literal(tensor.data[0]!, tensor.dtype) : atom(made));
  }
  const axes = graph.inputs.flatMap(({ value }) =>
    typeOf(graph, value).shape.map((dim, axis) => ({ text: `v${value}.shape[${axis}]`, dim, name: undefined })),
  );
  const sizes = new Sizes(axes, new Names(), name);
  const lines = graph.nodes.map((node) => {
    const { text, number } = lowered(graph, node, (id) => values.get(id)!, {
      size: (dim) => sizes.expr(dim),
      device: () => '"cpu"',
      helper: (helper) => helper,
    });
    for (const id of node.outputs) values.set(id, number ? { ...atom(`v${id}`), number } : atom(`v${id}`));
    return `    ${node.outputs.map((id) => `v${id}`).join(', ')} = ${text}`;
  });
  const given = graph.inputs.map(({ value }) => `v${value}`).join(', ');
  const results = graph.outputs.map(({ value }) => `${values.get(value)!.text}, `).join('');
  return [
    `def ${name}(${given}):`,
    ...sizes.lines.map((line) => `    ${line}`),
    ...lines,
    `    return (${results})`,
  ].join('\n');
}

const asHost = ({ dtype, shape, data }: WideTensor): HostTensor =>
  dtype === 'f32'
    ? { dtype, shape: shape as number[], data: Float32Array.from(data) }
    : { dtype: 'i64', shape: shape as number[], data: BigInt64Array.from(Array.from(data, (value) => BigInt(value))) };

describeTorch('ops', () => {
  let results: ReadonlyMap<string, ReferenceTensor>;
  let errors: Readonly<Record<string, string>>;

  beforeAll(() => {
    const [module, given, out] = ['cases.py', 'given.safetensors', 'out.safetensors'].map((name) =>
      join(scratch, name),
    );
    const functions = CASES.map(({ graph }, index) => functionOf(`case_${index}`, graph));
    const table = CASES.map(({ name, inputs }, index) => {
      return `    ${string(name)}: (case_${index}, [${inputs.map(({ dtype }) => `"${DTYPES[dtype]}"`).join(', ')}]),`;
    });
    const head = ['import torch', 'import torch.nn.functional as F', ...Object.values(HELPERS)];
    writeFileSync(module!, [...head, ...functions, `CASES = {\n${table.join('\n')}\n}`].join('\n\n\n'));
    const tensors = CASES.flatMap(({ name, inputs }) =>
      inputs.map((tensor, index) => [`${name}/${index}`, asHost(tensor)] as const),
    );
    writeFileSync(given!, encodeSafetensors(new Map(tensors)));
    runPython(fileURLToPath(new URL('./ops.py', import.meta.url)), module!, given!, out!);
    const bytes = readFileSync(out!);
    const head64 = Number(bytes.readBigUInt64LE(0));
    errors =
      (JSON.parse(bytes.toString('utf8', 8, 8 + head64)) as { __metadata__?: Record<string, string> }).__metadata__ ??
      {};
    results = readTensors(out!);
  }, 300_000);

  it.each(CASES.map(({ name }) => name))('%s', (name) => {
    const { outputs } = CASES.find((one) => one.name === name)!;
    expect(errors[name]).toBeUndefined();
    for (const [index, want] of outputs.entries()) {
      const found = results.get(`${name}/${index}`)!;
      expect(found.shape).toEqual([...want.shape]);
      const counts = (at: number): boolean => Number.isFinite(Number(want.data[at]));
      const others = (data: ReferenceTensor['data'] | WideTensor['data']): number[] =>
        Array.from<unknown, number>(data, Number).filter((_, at) => !counts(at));
      expect(others(found.data)).toEqual(others(want.data)); // NaN and infinities
      expect(relativeError(found.data, want.data, counts)).toBeLessThan(TOLERANCE);
    }
  });
});

it('all but those of ops that only passes make', () => {
  expect(CASES.length).toBeGreaterThan(200);
  expect(ALL.length - CASES.length).toBeLessThan(30);
});
