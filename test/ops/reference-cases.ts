/**
 * The 176 cases of test/fixtures/ops as graphs, by the table of reference-table.ts. Every target runs these
 * graphs and is compared with torch.
 */
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { Graph, TensorType } from '../../src/compiler/ir/graph.ts';
import { TypeRuleError } from '../../src/compiler/ops/spec.ts';
import { addDims, type Dim, equalDims, isSymbolic, mulDims, symbol } from '../../src/shared/dim.ts';
import type { DType } from '../../src/shared/dtype.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import type { ReferenceTensor } from '../support/reference.ts';
import { fixture, readJson, readTensors } from '../support/reference.ts';
import type { CaseAttributes } from './reference-table.ts';
import { CASE_BUILDERS } from './reference-table.ts';

export { CASE_BUILDERS } from './reference-table.ts';

export interface CaseTensor {
  readonly name: string;
  readonly tensor: WideTensor;
}

export interface ReferenceCase {
  readonly name: string;
  /** The fixtures' name of the operation: a key of CASE_BUILDERS. */
  readonly op: string;
  readonly attrs: CaseAttributes;
  readonly inputs: readonly CaseTensor[];
  /** What torch computed (float64 rounded to float32), named as the graph's outputs. */
  readonly outputs: readonly CaseTensor[];
}

export interface BuildOptions {
  /** A symbol for axis 0 of the inputs that `batchInputs` lists; height and width of images are symbolic then too. */
  readonly batch?: string;
}

interface RawCase {
  readonly name: string;
  readonly op: string;
  readonly attrs: CaseAttributes;
  readonly inputs: readonly string[];
  readonly input_names: readonly string[];
  readonly outputs: readonly string[];
}

/** I32 tensors of the fixtures are indices, except these. */
const MASKS: ReadonlySet<string> = new Set(['cond', 'mask']);

function widen(name: string, { dtype, shape, data }: ReferenceTensor, integers: DType): CaseTensor {
  return { name, tensor: { dtype: dtype === 'F32' ? 'f32' : integers, shape, data: Float64Array.from(data, Number) } };
}

/** All cases, in the order of the fixtures. */
export function loadCases(): ReferenceCase[] {
  const { cases } = readJson<{ cases: readonly RawCase[] }>('ops/ops.json');
  const tensors = readTensors(fixture('ops/ops.safetensors'));
  return cases.map(({ name, op, attrs, inputs, input_names, outputs }) => ({
    name,
    op,
    attrs,
    inputs: input_names.map((input, i) => widen(input, tensors.get(inputs[i]!)!, MASKS.has(input) ? 'bool' : 'i64')),
    // `gelu_erf/out` → `out`
    outputs: outputs.map((key) => widen(key.slice(key.lastIndexOf('/') + 1), tensors.get(key)!, 'i64')),
  }));
}

function build(reference: ReferenceCase, typeOf: (input: CaseTensor) => TensorType): Graph {
  const builder = CASE_BUILDERS[reference.op];
  if (!builder) throw new Error(`the table of reference cases has no operation ${reference.op}`);
  const b = new GraphBuilder(reference.name.replaceAll(/[^A-Za-z0-9_]/g, '_'));
  const inputs = reference.inputs.map((input) => {
    const { dtype, shape } = typeOf(input);
    return b.input(input.name, dtype, shape);
  });
  const values = builder(b, inputs, reference.attrs);
  for (const [index, { name }] of reference.outputs.entries()) b.output(name, values[index]!);
  return b.build();
}

const WINDOWED: readonly string[] = ['conv2d', 'avg_pool2d', 'max_pool2d'];

/** Height and width as multiples of the stride and a rest: `2*H + 1`. */
const imageDims = (size: readonly number[], stride: readonly number[]): readonly Dim[] =>
  size.map((length, i) => addDims(mulDims(stride[i]!, symbol(i === 0 ? 'H' : 'W')), length % stride[i]!));

const withBatch =
  ({ op, attrs }: ReferenceCase, batch: string, names: readonly string[]) =>
  ({ name, tensor: { dtype, shape } }: CaseTensor): TensorType => {
    if (!names.includes(name)) return { dtype, shape };
    const [, ...rest] = shape;
    if (!WINDOWED.includes(op)) return { dtype, shape: [symbol(batch), ...rest] };
    return { dtype, shape: [symbol(batch), rest[0]!, ...imageDims(rest.slice(1), attrs.stride as readonly number[])] };
  };

/**
 * The inputs whose axis 0 can be a symbol that comes out as axis 0 of every output; empty where the
 * operation has none (a transpose that moves axis 0, a reduction over it, a static reshape).
 */
export function batchInputs(reference: ReferenceCase): readonly string[] {
  const size = reference.outputs[0]!.tensor.shape[0];
  const candidates = reference.inputs.filter(({ tensor }) => size !== undefined && tensor.shape[0] === size);
  const names = candidates.map(({ name }) => name);
  for (const attempt of [names, names.slice(0, 1)]) {
    if (attempt.length === 0) continue;
    try {
      const graph = build(reference, withBatch(reference, 'B', attempt));
      const batched = graph.outputs.every(({ value }) => {
        const first = graph.types[value]!.shape[0];
        return first !== undefined && isSymbolic(first) && equalDims(first, symbol('B'));
      });
      if (batched) return attempt;
    } catch (error) {
      if (!(error instanceof TypeRuleError)) throw error;
    }
  }
  return [];
}

/** The case as a graph; with `batch`, axis 0 of its `batchInputs` is that symbol. */
export function buildCase(reference: ReferenceCase, options: BuildOptions = {}): Graph {
  const { batch } = options;
  return build(reference, withBatch(reference, batch ?? '', batch === undefined ? [] : batchInputs(reference)));
}

/** The case's inputs as the interpreter takes them. */
export function caseInputs(reference: ReferenceCase): Map<string, WideTensor> {
  return new Map(reference.inputs.map(({ name, tensor }) => [name, tensor]));
}
