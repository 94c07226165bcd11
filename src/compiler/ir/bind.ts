/**
 * Symbolic dims at run time: their values from the shapes that are fed, and attributes with the values
 * filled in.
 *
 * A symbol gets its value from an axis that is the symbol itself (`T`), or, once all others are known,
 * from an axis where it is the only unknown (`P + T` with T known, `4*B`).
 */
import type { Shape, SymbolicDim } from '../../shared/dim.ts';
import { evaluateDim, isSymbolic, printDim, symbolsOf } from '../../shared/dim.ts';
import type { AttributeValue, OpAttributes, OpName } from '../ops/attributes.ts';
import type { Graph } from './graph.ts';

/** An input by name with its declared shape. */
export interface ShapedInput {
  readonly name: string;
  readonly shape: Shape;
}

interface Equation {
  readonly input: string;
  readonly axis: number;
  readonly dim: SymbolicDim;
  readonly found: number;
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
  const equations: Equation[] = [];
  for (const { name, shape } of inputs) {
    const found = shapes.get(name);
    if (!found) throw new Error(`input ${name} is missing`);
    if (found.length !== shape.length) {
      throw new Error(
        `input ${name} has ${found.length} axes [${found.join(', ')}], expected ${shape.length} [${shape.map(printDim).join(', ')}]`,
      );
    }
    for (const [axis, dim] of shape.entries()) {
      if (isSymbolic(dim)) equations.push({ input: name, axis, dim, found: found[axis]! });
      else if (dim !== found[axis]) {
        throw new Error(`input ${name} has ${found[axis]} elements on axis ${axis}, expected ${dim}`);
      }
    }
  }

  const bindings = new Map<string, number>();
  for (let open = equations, before = -1; open.length !== before; ) {
    before = open.length;
    open = open.filter((equation) => !solve(equation, bindings));
  }
  for (const equation of equations) check(equation, bindings);
  return bindings;
}

/** Binds the one unknown of the equation, if there is exactly one and it is linear; true when nothing is unknown. */
function solve({ dim, found }: Equation, bindings: Map<string, number>): boolean {
  const unknown = symbolsOf(dim).filter((name) => !bindings.has(name));
  if (unknown.length === 0) return true;
  const [name] = unknown as [string];
  if (unknown.length > 1 || dim.terms.some(({ symbols }) => symbols.indexOf(name) !== symbols.lastIndexOf(name)))
    return false;
  // dim(name) = rest + slope · name
  const rest = evaluateDim(dim, new Map(bindings).set(name, 0));
  const slope = evaluateDim(dim, new Map(bindings).set(name, 1)) - rest;
  const value = (found - rest) / slope;
  if (!Number.isSafeInteger(value) || value < 0) return false;
  bindings.set(name, value);
  return true;
}

function check({ input, axis, dim, found }: Equation, bindings: ReadonlyMap<string, number>): void {
  const known = symbolsOf(dim).filter((name) => bindings.has(name));
  const values = known.map((name) => `${name} = ${bindings.get(name)}`).join(', ');
  const open = symbolsOf(dim).filter((name) => !bindings.has(name));
  if (open.length > 1) {
    throw new Error(
      `dimensions ${open.join(' and ')} of input ${input}, axis ${axis} (${printDim(dim)}), are no axis of their own in any input`,
    );
  }
  if (open.length === 1) {
    const under = values === '' ? '' : ` with ${values}`;
    throw new Error(
      `input ${input} has ${found} elements on axis ${axis}, expected ${printDim(dim)}${under}, which no ${open[0]} of at least 0 gives`,
    );
  }
  const expected = evaluateDim(dim, bindings);
  if (expected === found) return;
  const text = printDim(dim);
  const why = known.length === 1 && text === known[0] ? text : `${text} with ${values}`;
  throw new Error(`input ${input} has ${found} elements on axis ${axis}, expected ${expected} (${why})`);
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
