/** Operands and results of templates as WGSL functions: what families/contract.ts calls a source and a sink. */
import type { Dim, Shape } from '../../../../shared/dim.ts';
import { typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Source } from '../families/contract.ts';
import { Block, functionOfBlock } from './block.ts';
import type { KernelCode } from './code.ts';
import { aligned, type Place } from './evaluator.ts';
import type { Index } from './expr.ts';
import { type Expression, variable } from './expression.ts';
import { forwardCoordinates } from './forward.ts';
import type { InputOutput } from './input.ts';
import { Name } from './name.ts';
import type { KernelWriter } from './writer.ts';

/** An argument of a function: its name, and what it stays below. */
export interface Axis {
  readonly name: string;
  readonly extent: Dim;
}

/** What an operand is at coordinates of the template. */
export interface Operand {
  /** where it lies, if nothing is computed between its buffer and the template */
  place(coordinates: readonly Index[]): Place | undefined;
  element(block: Block, coordinates: readonly Index[]): Expression;
}

const parametersOf = (axes: readonly Axis[]) => axes.map(({ name }) => [name, 'u32'] as const);
const declared = (block: Block, axes: readonly Axis[]): Index[] =>
  axes.map(({ name, extent }) => block.axis(name, extent));

/** What a template gives to the function that stores it. */
export const VALUE = variable(new Name('value'), 'f32');
const VALUE_PARAMETER = ['value', 'f32'] as const;

type FunctionParts = Parameters<typeof functionOfBlock> extends [unknown, ...infer Rest] ? Rest : never;

/** Puts a function into the module. */
function define(code: KernelCode, hint: string, ...rest: FunctionParts): Name {
  return code.define(functionOfBlock(new Name(hint), ...rest));
}

/** The functions of an operand. */
export function source(writer: KernelWriter, own: string, axes: readonly Axis[], operand: Operand): Source {
  const { evaluator, code } = writer;
  const hint = own + writer.suffix;
  // operands are bound in the order in which they are described, whatever reads them first
  const place = operand.place(declared(new Block(code), axes));
  if (place) code.binding(place.stored.buffer, place.stored.element, 'read');
  const vectorOf = (axis: number): (() => Name) | undefined => {
    if (!place || !evaluator.vectorised(place, axes[axis]!.name)) return undefined;
    return () => {
      const block = new Block(code);
      declared(block, axes);
      const value = evaluator.vector(block, place);
      return define(code, `${hint}_4`, parametersOf(axes), block, { type: 'vec4f', value });
    };
  };
  return {
    get at() {
      return code.once(`function ${hint}`, () => {
        const block = new Block(code);
        const value = operand.element(block, declared(block, axes));
        return define(code, hint, parametersOf(axes), block, { type: 'f32', value });
      });
    },
    at4: {
      has: (axis) => vectorOf(axis) !== undefined,
      get: (axis) => {
        const make = vectorOf(axis);
        return make && code.once(`function ${hint}_4`, make);
      },
    },
  };
}

/** The function that takes a result of the contraction at its coordinates through the epilogue to the outputs. */
export function sink(
  writer: KernelWriter,
  axes: readonly Axis[],
  result: ValueId,
  coordinatesOf: (at: readonly Index[]) => readonly Index[],
  finished: (block: Block, at: readonly Index[]) => Expression,
): Name {
  const { evaluator, code, kernel, facts } = writer;
  const block = new Block(code);
  const own = declared(block, axes);
  block.declare(VALUE.name);
  const value = finished(block, own);
  evaluator.know(result, () => value);
  const at = forwardCoordinates(facts, kernel, result, coordinatesOf(own), (other) => isStored(writer, other));
  if (!at) throw new Error(`the kernel of %${result} cannot write ${kernel.outputs.map((o) => `%${o.value}`).join()}`);
  for (const output of kernel.outputs) if (!output.auxiliary) writer.store(block, output, at);
  return define(code, `store${writer.suffix}`, [...parametersOf(axes), VALUE_PARAMETER], block);
}

/** The same for a template that gives each result whole, at the result's own coordinates. */
export function resultSink(writer: KernelWriter, result: ValueId, axes: readonly Axis[]): Name {
  return sink(
    writer,
    axes,
    result,
    (at) => at,
    () => VALUE,
  );
}

function isStored({ kernel }: KernelWriter, value: ValueId): boolean {
  return !kernel.outputs.some((output) => output.value === value) && kernel.storage.stored(value) !== undefined;
}

export const extent = (writer: KernelWriter, dim: Dim) => ({ dim, size: writer.code.size(dim) });

/** A tensor at coordinates that are made from the template's. */
export function operandAt(
  { evaluator, facts }: KernelWriter,
  value: ValueId,
  coordinatesOf: (at: readonly Index[]) => readonly Index[],
): Operand {
  const { shape } = typeOf(facts.graph, value);
  return {
    place: (at) => evaluator.place(value, aligned(coordinatesOf(at), shape)),
    element: (block, at) => evaluator.element(block, value, coordinatesOf(at)),
  };
}

/** The axes of a value, under these names. */
export function axesNamed({ facts }: KernelWriter, value: ValueId, names: readonly string[]): Axis[] {
  const { shape } = typeOf(facts.graph, value);
  return names.map((name, axis) => ({ name, extent: shape[axis]! }));
}

/** A tensor over all of its own coordinates. */
export function tensor(writer: KernelWriter, name: string, value: ValueId, names: readonly string[]): Source {
  return source(
    writer,
    name,
    axesNamed(writer, value, names),
    operandAt(writer, value, (at) => at),
  );
}

/** A function that stores a result of the contraction as it is, at its coordinates and then the constant ones. */
export function plainSink(
  writer: KernelWriter,
  output: InputOutput,
  names: readonly string[],
  constant: readonly Index[] = [],
): Name {
  const block = new Block(writer.code);
  const at = declared(block, axesNamed(writer, output.value, names));
  block.declare(VALUE.name);
  writer.evaluator.know(output.value, () => VALUE);
  writer.store(block, output, [...at, ...constant]);
  const name = writer.code.fresh(`store${writer.suffix}_`);
  const parameters = names.map((axis) => [axis, 'u32'] as const);
  return define(writer.code, name.hint, [...parameters, VALUE_PARAMETER], block);
}

/** `visible(b, s)`: whether any query of row b may see key s. */
export function maskFunction(writer: KernelWriter, mask: ValueId): Name {
  const block = new Block(writer.code);
  const axes = axesNamed(writer, mask, ['b', 's']);
  const value = writer.evaluator.element(block, mask, declared(block, axes));
  return define(writer.code, `visible${writer.suffix}`, parametersOf(axes), block, { type: 'bool', value });
}

/** A function (b, h, t, s) of a mask or bias [B or 1, H or 1, T, S]. */
export function perScore(writer: KernelWriter, hint: string, value: ValueId, scores: Shape): Name {
  const { evaluator, facts } = writer;
  const { dtype, shape } = typeOf(facts.graph, value);
  const block = new Block(writer.code);
  const axes = ['b', 'h', 't', 's'].map((name, axis) => ({ name, extent: scores[axis]! }));
  const found = evaluator.element(block, value, aligned(declared(block, axes), shape));
  const result = { type: dtype === 'bool' ? 'bool' : 'f32', value: found };
  return define(writer.code, `${hint}${writer.suffix}`, parametersOf(axes), block, result);
}
