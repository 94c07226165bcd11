/**
 * Calls of single ops with NaN, infinities, −0, ties, and sizes 0 and 1, with what torch gives for them and for their
 * gradients: test/fixtures/special/make.py. Every target runs each with static and with dynamic sizes.
 */
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { OpAttributes, OpName } from '../../src/compiler/ops/attributes.ts';
import { type Shape, symbol } from '../../src/shared/dim.ts';
import type { DType } from '../../src/shared/dtype.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { readJson } from '../support/reference.ts';

interface RawTensor {
  readonly dtype: DType;
  /** strings are symbols */
  readonly shape: readonly (number | string)[];
  /** "NaN", "Infinity", "-Infinity" and "-0" are what JSON has no numbers for */
  readonly data: readonly (number | string)[];
}

interface RawCase {
  readonly name: string;
  readonly op: OpName;
  readonly attributes: OpAttributes[OpName];
  readonly sizes: Readonly<Record<string, number>>;
  readonly inputs: readonly RawTensor[];
  readonly output: RawTensor;
  readonly dy?: RawTensor;
  readonly gradients?: readonly (RawTensor | null)[];
}

export interface SpecialCase {
  readonly name: string;
  readonly op: OpName;
  readonly attributes: OpAttributes[OpName];
  /** input0, input1 … */
  readonly inputs: ReadonlyMap<string, WideTensor>;
  /** `inputs` as declared, some sizes symbols */
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly hasSymbols: boolean;
  readonly output: WideTensor;
  /** of Σ output · cotangent */
  readonly cotangent: WideTensor | undefined;
  readonly gradients: ReadonlyMap<string, WideTensor>;
}

function widen(raw: RawTensor, sizes: Readonly<Record<string, number>>): WideTensor {
  const shape = raw.shape.map((dim) => (typeof dim === 'number' ? dim : sizes[dim]!));
  return { dtype: raw.dtype, shape, data: Float64Array.from(raw.data, Number) };
}

export function loadSpecialCases(): SpecialCase[] {
  return readJson<readonly RawCase[]>('special/cases.json').map(({ sizes, ...raw }) => {
    const byName = <T>(make: (tensor: RawTensor) => T): Map<string, T> =>
      new Map(raw.inputs.map((tensor, index) => [`input${index}`, make(tensor)]));
    const gradients = (raw.gradients ?? []).flatMap((gradient, index) =>
      gradient ? [[`input${index}`, widen(gradient, sizes)] as const] : [],
    );
    return {
      name: raw.name,
      op: raw.op,
      attributes: raw.attributes,
      inputs: byName((tensor) => widen(tensor, sizes)),
      shapes: byName(({ shape }) => shape.map((dim) => (typeof dim === 'number' ? dim : symbol(dim)))),
      hasSymbols: raw.inputs.some(({ shape }) => shape.some((dim) => typeof dim === 'string')),
      output: widen(raw.output, sizes),
      cotangent: raw.dy && widen(raw.dy, sizes),
      gradients: new Map(gradients),
    };
  });
}

export type Sizes = 'static' | 'dynamic';

/** How a case can be built: with its sizes as numbers, and with its symbols where it has some. */
export const sizesOf = ({ hasSymbols }: SpecialCase): readonly Sizes[] =>
  hasSymbols ? ['static', 'dynamic'] : ['static'];

export function buildSpecial({ name, op, attributes, inputs, shapes }: SpecialCase, sizes: Sizes): Graph {
  const b = new GraphBuilder(name.replaceAll(/[^A-Za-z0-9_]/g, '_'));
  const operands = [...inputs].map(([input, { dtype, shape }]) =>
    b.input(input, dtype, sizes === 'static' ? shape : shapes.get(input)!),
  );
  b.output('out', b.node(op, operands, attributes));
  return b.build();
}
