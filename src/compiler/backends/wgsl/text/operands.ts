/** Operands and results of templates as WGSL functions: what families/contract.ts calls a source and a sink. */
import type { Dim } from '../../../../shared/dim.ts';
import type { ValueId } from '../../../ir/graph.ts';
import type { Source } from '../families/contract.ts';
import type { KernelOutput } from '../kernel.ts';
import { Block } from './code.ts';
import type { Stored } from './evaluator.ts';
import { forwardCoordinates } from './forward.ts';
import type { Coordinate } from './index-math.ts';
import type { Strided } from './strided.ts';
import type { KernelWriter } from './writer.ts';

/** An operand read through strides, or element by element. */
export interface Operand {
  readonly stored: Stored | undefined;
  /** over the template's coordinates */
  readonly view: Strided | undefined;
  element(block: Block, coordinates: readonly Coordinate[]): string;
}

/** The functions of an operand. */
export function source(writer: KernelWriter, own: string, names: readonly string[], operand: Operand): Source {
  const { evaluator, code } = writer;
  const hint = own + writer.suffix;
  const parameters = names.map((name) => `${name}: u32`).join(', ');
  const { stored, view } = operand;
  // operands are bound in the order in which they are described, whatever reads them first
  if (stored) code.binding(stored.key, stored.element, 'read');
  const bodyOf = (): Block => {
    const block = new Block(code);
    for (const name of names) block.declare(name);
    return block;
  };
  const vectorOf = (axis: number): (() => string) | undefined => {
    if (!stored || !view || !evaluator.vectorised({ stored, view }, axis)) return undefined;
    return () => {
      const block = bodyOf();
      const text = evaluator.vector(stored, block.name(evaluator.index(block, view, names)));
      code.define(`fn ${hint}_4(${parameters}) -> vec4<f32> {\n${block.text(text)}\n  return ${text};\n}`);
      return `${hint}_4`;
    };
  };
  return {
    get at() {
      return code.once(`function ${hint}`, () => {
        const block = bodyOf();
        const text = operand.element(block, names);
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
  names: readonly string[],
  result: ValueId,
  coordinatesOf: (block: Block) => readonly Coordinate[],
  finished: (block: Block) => string,
): string {
  const { evaluator, code, kernel, context } = writer;
  const block = new Block(code);
  for (const name of [...names, 'value']) block.declare(name);
  const start = coordinatesOf(block);
  const value = finished(block);
  evaluator.know(result, () => value);
  const at = forwardCoordinates(context.facts, kernel, result, start, block, (other) => isStored(writer, other));
  if (!at) throw new Error(`the kernel of %${result} cannot write ${kernel.outputs.map((o) => `%${o.value}`).join()}`);
  for (const output of kernel.outputs) if (!output.beside) writer.store(block, output, at);
  const parameters = [...names.map((name) => `${name}: u32`), 'value: f32'].join(', ');
  const name = `store${writer.suffix}`;
  code.define(`fn ${name}(${parameters}) {\n${block.text()}\n}`);
  return name;
}

/** The same for a template that gives each result whole, at the result's own coordinates. */
export function resultSink(writer: KernelWriter, result: ValueId, axes: readonly string[]): string {
  return sink(
    writer,
    axes,
    result,
    () => axes,
    () => 'value',
  );
}

function isStored({ kernel, context }: KernelWriter, value: ValueId): boolean {
  return !kernel.outputs.some((output) => output.value === value) && context.storage.stored(value) !== undefined;
}

export const extent = (writer: KernelWriter, dim: Dim) => ({ dim, text: writer.code.size(dim) });

/** A value's strides brought into the template's coordinates, where both exist. */
export function merged(
  writer: KernelWriter,
  value: ValueId,
  into: (view: Strided) => Strided | undefined,
): Pick<Operand, 'stored' | 'view'> {
  const found = writer.evaluator.strided(value);
  const view = found && into(found.view);
  return view ? { stored: found.stored, view } : { stored: undefined, view: undefined };
}

/** A tensor over all of its own coordinates. */
export function tensor(writer: KernelWriter, name: string, value: ValueId, axes: readonly string[]): Source {
  return source(writer, name, axes, {
    ...merged(writer, value, (view) => view),
    element: (block, at) => writer.evaluator.element(block, value, at),
  });
}

/** A function that stores a result of the core as it is, at its coordinates and then the constant ones. */
export function plainSink(
  writer: KernelWriter,
  output: KernelOutput,
  names: readonly string[],
  constant: readonly string[] = [],
): string {
  const block = new Block(writer.code);
  for (const name of [...names, 'value']) block.declare(name);
  writer.evaluator.know(output.value, () => 'value');
  writer.store(block, output, [...names, ...constant]);
  const name = writer.code.fresh(`store${writer.suffix}_`);
  const parameters = [...names.map((axis) => `${axis}: u32`), 'value: f32'].join(', ');
  writer.code.define(`fn ${name}(${parameters}) {\n${block.text()}\n}`);
  return name;
}

/** `visible(b, s)`: whether any query of row b may see key s. */
export function maskFunction(writer: KernelWriter, mask: ValueId): string {
  const block = new Block(writer.code);
  for (const name of ['b', 's']) block.declare(name);
  const text = writer.evaluator.element(block, mask, ['b', 's']);
  const name = `visible${writer.suffix}`;
  writer.code.define(`fn ${name}(b: u32, s: u32) -> bool {\n${block.text(text)}\n  return ${text};\n}`);
  return name;
}
