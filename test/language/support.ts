/** Programs in a string, run on numbers: most language tests say what a construct computes, not how it is parsed. */

import type { Model, ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { initialise } from '../../src/runtime/init.ts';
import type { ConfigValue } from '../../src/shared/artifact.ts';
import type { DType } from '../../src/shared/dtype.ts';
import { sizeOf, type WideTensor } from '../../src/shared/tensor.ts';
import { compile, compileOk, memory } from '../support/project.ts';

export type Weights = ReadonlyMap<string, WideTensor>;

export function program(text: string, options: ModelOptions = {}, files: Readonly<Record<string, string>> = {}): Model {
  return compileOk('main.mdl', memory({ ...files, 'main.mdl': text }), options);
}

/** Codes and messages of a program that does not compile; its entries are traced too. */
export function problems(
  text: string,
  options: ModelOptions = {},
  files: Readonly<Record<string, string>> = {},
): string[] {
  const { model, bag } = compile('main.mdl', memory({ ...files, 'main.mdl': text }), options);
  for (const name of model?.entries ?? []) model?.entry(name);
  return bag.sorted().flatMap((d) => (d.severity === 'error' ? [`${d.code} ${d.message}`] : []));
}

/** What a compile-time expression is worth, as JSON. */
export function constant(expression: string, fields = ''): ConfigValue | undefined {
  return program(`config c { ${fields}\n value = ${expression} }\nmodel M { }`).config().value;
}

export function tensor(shape: readonly number[], values: readonly number[], dtype: DType = 'f32'): WideTensor {
  if (values.length !== sizeOf(shape)) throw new Error(`[${shape.join(', ')}] does not hold ${values.length} elements`);
  return { dtype, shape, data: Float64Array.from(values) };
}

export const ints = (shape: readonly number[], values: readonly number[]): WideTensor => tensor(shape, values, 'i64');
export const bools = (shape: readonly number[], values: readonly number[]): WideTensor => tensor(shape, values, 'bool');

/** Deterministic numbers in [−1, 1]. */
export function wave(shape: readonly number[], seed = 1): WideTensor {
  return tensor(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed * 7.1 + i * 2.399)),
  );
}

/** 0, 1, 2, … */
export function counting(shape: readonly number[]): WideTensor {
  return tensor(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => i),
  );
}

/** Numbers for every parameter of a model: as its initialisers say, or waves, which leave nothing zero. */
export function weightsOf(model: Model, how: 'initial' | 'waves' = 'waves'): Weights {
  let seed = 0;
  return new Map(
    [...model.parameters].map(([key, { dtype, shape, initializer }]) => {
      seed++;
      const data =
        how === 'initial'
          ? initialise(initializer, { seed: 3, key, shape })
          : wave(shape, seed).data.map((x) => 0.3 * x);
      return [key, { dtype, shape, data: Float64Array.from(data) }];
    }),
  );
}

export interface RunOptions {
  readonly entry?: string;
  readonly weights?: Weights;
}

/** The outputs of an entry, `main` unless told otherwise. */
export function run(
  model: Model,
  inputs: Readonly<Record<string, WideTensor>>,
  { entry = 'main', weights = new Map() }: RunOptions = {},
): Record<string, WideTensor> {
  const traced = model.entry(entry);
  if (!traced) throw new Error(`the entry ${entry} does not trace`);
  const parameters = (key: string): WideTensor => {
    const found = weights.get(key);
    if (!found) throw new Error(`no numbers for parameter ${key}`);
    return found;
  };
  return Object.fromEntries(interpret(traced.graph, { inputs: new Map(Object.entries(inputs)), parameters }));
}

const ELEMENTS = { f32: '', i64: 'int', bool: 'bool' } as const satisfies Record<DType, string>;

/** What an expression over tensors computes; its inputs are the names it uses, its dtype what `result` says. */
export function evaluate(
  expression: string,
  inputs: Readonly<Record<string, WideTensor>> = {},
  { result = 'f32', before = '', imports = '' }: { result?: DType; before?: string; imports?: string } = {},
): WideTensor {
  const parameters = Object.entries(inputs).map(
    ([name, { dtype, shape }]) => `${name}: ${ELEMENTS[dtype]}[${shape.join(', ')}]`,
  );
  const model = program(`${imports}
    fn body(${Object.keys(inputs).join(', ')}) { ${before}\n ${expression} }
    model M { entry main(${parameters.join(', ')}) -> (out: ${ELEMENTS[result]}[...]) { body(${Object.keys(inputs).join(', ')}) } }`);
  return run(model, inputs).out!;
}

export const numbers = (tensor: WideTensor | undefined): number[] => [...(tensor?.data ?? [])];

/** The largest difference of two tensors of one shape; infinite where the shapes differ. */
export function distance(a: WideTensor | undefined, b: WideTensor | undefined): number {
  if (!a || !b || a.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY;
  return a.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b.data[i]!)), 0);
}
