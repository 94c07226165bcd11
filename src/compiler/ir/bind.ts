/**
 * Symbolic dims at run time: their values from the shapes that are fed, and attributes with the values
 * filled in.
 */
import { type Binding, bindDims as bindSizes, type DimClash, type Measured } from '../../shared/bind-dims.ts';
import type { Dim, Shape } from '../../shared/dim.ts';
import { evaluateDim, isSymbolic, printDim, symbolsOf } from '../../shared/dim.ts';
import type { AttributeValue, OpAttributes, OpName } from '../ops/attributes.ts';
import type { Graph } from './graph.ts';

/** An input by name with its declared shape. */
export interface ShapedInput {
  readonly name: string;
  readonly shape: Shape;
}

export function shapedInputs(graph: Graph): ShapedInput[] {
  return graph.inputs.map(({ name, value }) => ({ name, shape: graph.types[value]!.shape }));
}

/**
 * The value of every symbol in the inputs' shapes.
 * @throws Error naming the input, the axis, what was found and what was expected; or the symbol that no
 * input determines
 */
export function bindDims(
  inputs: readonly ShapedInput[],
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, number> {
  const measured: Measured[] = [];
  for (const { name, shape } of inputs) {
    const found = shapes.get(name);
    if (!found) throw new Error(`input ${name} is missing`);
    if (found.length !== shape.length) {
      throw new Error(
        `input ${name} has ${found.length} axes [${found.join(', ')}], expected ${shape.length} [${shape.map(printDim).join(', ')}]`,
      );
    }
    for (const [axis, dim] of shape.entries()) {
      if (isSymbolic(dim)) measured.push({ input: name, axis, dim, size: found[axis]! });
      else if (dim !== found[axis]) {
        throw new Error(`input ${name} has ${found[axis]} elements on axis ${axis}, expected ${dim}`);
      }
    }
  }

  const bindings = new Map<string, Binding>();
  const clash = bindSizes(measured, bindings);
  const sizes = new Map([...bindings].map(([name, { size }]) => [name, size]));
  if (clash) throw clashError(clash, sizes);
  for (const one of measured) checkBound(one, sizes);
  return sizes;
}

const valuesOf = (dim: Dim, sizes: ReadonlyMap<string, number>): string =>
  symbolsOf(dim)
    .filter((name) => sizes.has(name))
    .map((name) => `${name} = ${sizes.get(name)}`)
    .join(', ');

function clashError({ input, axis, dim, size, expected }: DimClash, sizes: ReadonlyMap<string, number>): Error {
  const text = printDim(dim);
  const why = symbolsOf(dim)[0] === text ? text : `${text} with ${valuesOf(dim, sizes)}`;
  return new Error(`input ${input} has ${size} elements on axis ${axis}, expected ${expected} (${why})`);
}

/** @throws Error when the axis has symbols that no input determines */
function checkBound({ input, axis, dim, size }: Measured, sizes: ReadonlyMap<string, number>): void {
  const open = symbolsOf(dim).filter((name) => !sizes.has(name));
  if (open.length > 1) {
    throw new Error(
      `dimensions ${open.join(' and ')} of input ${input}, axis ${axis} (${printDim(dim)}), are no axis of their own in any input`,
    );
  }
  if (open.length === 1) {
    const values = valuesOf(dim, sizes);
    const under = values === '' ? '' : ` with ${values}`;
    throw new Error(
      `input ${input} has ${size} elements on axis ${axis}, expected ${printDim(dim)}${under}, which no ${open[0]} of at least 0 gives`,
    );
  }
}

/** The attributes with every symbolic dim replaced by its number. */
export function resolveAttributes<N extends OpName>(
  attributes: OpAttributes[N],
  bindings: ReadonlyMap<string, number>,
): OpAttributes[N] {
  const resolve = (value: AttributeValue): unknown => {
    if (isSymbolic(value)) return evaluateDim(value, bindings);
    return Array.isArray(value) ? value.map(resolve) : value;
  };
  const entries = Object.entries(attributes as Readonly<Record<string, AttributeValue>>);
  return Object.fromEntries(entries.map(([name, value]) => [name, resolve(value)])) as OpAttributes[N];
}
