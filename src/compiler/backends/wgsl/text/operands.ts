/** Operands and results of templates as WGSL functions: what families/contract.ts calls a source and a sink. */
import type { Dim, Shape } from '../../../../shared/dim.ts';
import { typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Source } from '../families/contract.ts';
import { Block } from './code.ts';
import { aligned, type Place } from './evaluator.ts';
import type { Index } from './expr.ts';
import { forwardCoordinates } from './forward.ts';
import type { InputOutput } from './input.ts';
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
  element(block: Block, coordinates: readonly Index[]): string;
}

const parametersOf = (axes: readonly Axis[]): string => axes.map(({ name }) => `${name}: u32`).join(', ');
const declared = (block: Block, axes: readonly Axis[]): Index[] =>
  axes.map(({ name, extent }) => block.axis(name, extent));

/** The functions of an operand. */
export function source(writer: KernelWriter, own: string, axes: readonly Axis[], operand: Operand): Source {
  const { evaluator, code } = writer;
  const hint = own + writer.suffix;
  const parameters = parametersOf(axes);
  // operands are bound in the order in which they are described, whatever reads them first
  const place = operand.place(declared(new Block(code), axes));
  if (place) code.binding(place.stored.buffer, place.stored.element, 'read');
  const vectorOf = (axis: number): (() => string) | undefined => {
    if (!place || !evaluator.vectorised(place, axes[axis]!.name)) return undefined;
    return () => {
      const block = new Block(code);
      declared(block, axes);
      const text = evaluator.vector(block, place);
      code.define(`fn ${hint}_4(${parameters}) -> vec4<f32> {\n${block.text(text)}\n  return ${text};\n}`);
      return `${hint}_4`;
    };
  };
  return {
    get at() {
      return code.once(`function ${hint}`, () => {
        const block = new Block(code);
        const text = operand.element(block, declared(block, axes));
        code.define(`fn ${hint}(${parameters}) -> f32 {\n${block.text(text)}\n  return ${text};\n}`);
        return hint;
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

/** The function that takes a result of the core at its coordinates through the epilogue to the outputs. */
export function sink(
  writer: KernelWriter,
  axes: readonly Axis[],
  result: ValueId,
  coordinatesOf: (at: readonly Index[]) => readonly Index[],
  finished: (block: Block, at: readonly Index[]) => string,
): string {
  const { evaluator, code, kernel, facts } = writer;
  const block = new Block(code);
  const own = declared(block, axes);
  block.declare('value');
  const value = finished(block, own);
  evaluator.know(result, () => value);
  const at = forwardCoordinates(facts, kernel, result, coordinatesOf(own), (other) => isStored(writer, other));
  if (!at) throw new Error(`the kernel of %${result} cannot write ${kernel.outputs.map((o) => `%${o.value}`).join()}`);
  for (const output of kernel.outputs) if (!output.beside) writer.store(block, output, at);
  const parameters = `${parametersOf(axes)}, value: f32`;
  const name = `store${writer.suffix}`;
  code.define(`fn ${name}(${parameters}) {\n${block.text()}\n}`);
  return name;
}

/** The same for a template that gives each result whole, at the result's own coordinates. */
export function resultSink(writer: KernelWriter, result: ValueId, axes: readonly Axis[]): string {
  return sink(
    writer,
    axes,
    result,
    (at) => at,
    () => 'value',
  );
}

function isStored({ kernel }: KernelWriter, value: ValueId): boolean {
  return !kernel.outputs.some((output) => output.value === value) && kernel.storage.stored(value) !== undefined;
}

export const extent = (writer: KernelWriter, dim: Dim) => ({ dim, text: writer.code.size(dim) });

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

/** A function that stores a result of the core as it is, at its coordinates and then the constant ones. */
export function plainSink(
  writer: KernelWriter,
  output: InputOutput,
  names: readonly string[],
  constant: readonly Index[] = [],
): string {
  const block = new Block(writer.code);
  const at = declared(block, axesNamed(writer, output.value, names));
  block.declare('value');
  writer.evaluator.know(output.value, () => 'value');
  writer.store(block, output, [...at, ...constant]);
  const name = writer.code.fresh(`store${writer.suffix}_`);
  const parameters = [...names.map((axis) => `${axis}: u32`), 'value: f32'].join(', ');
  writer.code.define(`fn ${name}(${parameters}) {\n${block.text()}\n}`);
  return name;
}

/** `visible(b, s)`: whether any query of row b may see key s. */
export function maskFunction(writer: KernelWriter, mask: ValueId): string {
  const block = new Block(writer.code);
  const at = declared(block, axesNamed(writer, mask, ['b', 's']));
  const text = writer.evaluator.element(block, mask, at);
  const name = `visible${writer.suffix}`;
  writer.code.define(`fn ${name}(b: u32, s: u32) -> bool {\n${block.text(text)}\n  return ${text};\n}`);
  return name;
}

/** A function (b, h, t, s) of a mask or bias [B or 1, H or 1, T, S]. */
export function perScore(writer: KernelWriter, hint: string, value: ValueId, scores: Shape): string {
  const { evaluator, facts } = writer;
  const { dtype, shape } = typeOf(facts.graph, value);
  const block = new Block(writer.code);
  const axes = ['b', 'h', 't', 's'].map((name, axis) => ({ name, extent: scores[axis]! }));
  const text = evaluator.element(block, value, aligned(declared(block, axes), shape));
  const name = `${hint}${writer.suffix}`;
  const type = dtype === 'bool' ? 'bool' : 'f32';
  writer.code.define(`fn ${name}(${parametersOf(axes)}) -> ${type} {\n${block.text(text)}\n  return ${text};\n}`);
  return name;
}
