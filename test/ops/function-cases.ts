/**
 * Functions and modules of the language against torch, with gradients: test/fixtures/functions/make.py. Every target runs each
 * program as it is compiled.
 */
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import type { DType } from '../../src/shared/dtype.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { withLoss } from '../passes/autodiff/support.ts';
import { compileOk, memory } from '../support/project.ts';
import { readJson } from '../support/reference.ts';

interface RawTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

interface RawCase {
  readonly name: string;
  readonly program: string;
  readonly inputs: Readonly<Record<string, RawTensor>>;
  readonly parameters: Readonly<Record<string, RawTensor>>;
  readonly output: RawTensor;
  readonly dy?: RawTensor;
  readonly gradients?: Readonly<Record<string, RawTensor>>;
}

export interface FunctionCase {
  readonly name: string;
  readonly program: string;
  readonly inputs: ReadonlyMap<string, WideTensor>;
  readonly parameters: ReadonlyMap<string, WideTensor>;
  readonly output: WideTensor;
  /** of Σ output · cotangent, by input name and parameter key; empty where torch has none */
  readonly gradients: ReadonlyMap<string, WideTensor>;
  readonly cotangent: WideTensor | undefined;
}

const widen = ({ dtype, shape, data }: RawTensor): WideTensor => ({
  dtype,
  shape,
  data: Float64Array.from(data, Number),
});

const widenAll = (tensors: Readonly<Record<string, RawTensor>> = {}): Map<string, WideTensor> =>
  new Map(Object.entries(tensors).map(([name, tensor]) => [name, widen(tensor)]));

export function loadFunctionCases(): FunctionCase[] {
  return readJson<readonly RawCase[]>('functions/cases.json').flatMap(({ name, program, output, dy, ...raw }) => {
    const one = {
      name,
      program,
      inputs: widenAll(raw.inputs),
      parameters: widenAll(raw.parameters),
      output: widen(output),
      gradients: widenAll(raw.gradients),
      cotangent: dy && widen(dy),
    };
    const fixed = withSizes(program, one.inputs);
    return fixed === program ? [one] : [one, { ...one, name: `${name}, static sizes`, program: fixed }];
  });
}

/** The program with the inputs' sizes in place of symbols in the entry's signature. */
function withSizes(program: string, inputs: ReadonlyMap<string, WideTensor>): string {
  return program.replace(/(?<=entry main\()(.*?)(?=\) -> )/, (signature) =>
    signature.replace(/(\w+): (\w*)\[[^\]]*\]/g, (_, name: string, type: string) => {
      return `${name}: ${type}[${inputs.get(name)!.shape.join(', ')}]`;
    }),
  );
}

/** The entry as it is traced, before the passes. */
export function buildFunction({ program }: FunctionCase): Graph {
  return compileOk('main.mdl', memory({ 'main.mdl': program })).entry('main')!.graph;
}

/** The graph that a target gets, and the loss graph with `cotangent.out` that its gradients are of. */
export function functionGraphs(one: FunctionCase): { readonly forward: Graph; readonly loss: Graph } {
  const graph = buildFunction(one);
  return { forward: runPipeline(graph), loss: one.cotangent ? withLoss(graph) : graph };
}
