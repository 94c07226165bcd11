/** The body of a forward or of an entry: a value that is used once stands where it is used, the others are named. */
import type { Dim } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts';
import { atom, call, type Expression, print, printStatement } from './expression.ts';
import { type Names, quoted } from './names.ts';
import { literal, shortest, written } from './operators.ts';
import { renamedIn } from './sizes.ts';
import { type Body, isList, type Mod, type Step } from './tree.ts';

/** Characters of an expression within another. */
const LONGEST = 96;

/** What a body is told of the program around it. */
export interface Surroundings {
  /** what a node that joins past and new keys or values is called in its cache */
  cachedAs(node: AnyNode): string | undefined;
  numberOf(value: ValueId): { readonly dtype: DType; readonly value: number } | undefined;
  /** how a body of `module` names a tensor that lies in it or below it */
  tensorPath(module: Mod, value: ValueId): string | undefined;
  modulePath(module: Mod, inner: Mod): string;
}

/** Types as the body says them, with its own names for sizes. */
export interface Sized {
  readonly graph: Graph;
  readonly as: ReadonlyMap<string, Dim>;
}

export function writeBody(
  writer: Surroundings,
  module: Mod,
  body: Body,
  inputs: ReadonlyMap<ValueId, string>,
  names: Names,
  sized: Sized,
): string {
  return new BodyWriter(writer, module, body, inputs, names, sized).write();
}

class BodyWriter {
  private readonly writer: Surroundings;
  private readonly module: Mod;
  private readonly body: Body;
  private readonly names: Names;
  private readonly sized: Sized;
  private readonly values = new Map<ValueId, Expression>();
  private readonly uses = new Map<ValueId, number>();
  private readonly lines: string[] = [];
  /** values that are sizes, which the program knows before it runs */
  private readonly sizes = new Set<ValueId>();

  constructor(
    writer: Surroundings,
    module: Mod,
    body: Body,
    inputs: ReadonlyMap<ValueId, string>,
    names: Names,
    sized: Sized,
  ) {
    this.sized = sized;
    this.writer = writer;
    this.module = module;
    this.body = body;
    this.names = names;
    for (const [value, name] of inputs) this.values.set(value, atom(name));
    const count = (value: ValueId): void => void this.uses.set(value, (this.uses.get(value) ?? 0) + 1);
    for (const step of body.steps) for (const value of inputsOf(step)) count(value);
    for (const value of body.outputs) count(value);
  }

  write(): string {
    const { steps, outputs } = this.body;
    const caching = steps.filter((step) => this.isCaching(step)).length;
    for (let at = 0; at < steps.length; ) {
      const run = this.listCall(at);
      const until = at + Math.max(1, run);
      const here = steps.slice(at, until).filter((step) => this.isCaching(step)).length;
      // caches count modules as they run: calls that keep something stay in their order, each a statement
      const stays = here > 0 && here < caching && steps[at]!.kind === 'call';
      this.define(outputsOf(steps[until - 1]!), run > 0 ? this.callOfList(at) : this.expressionOf(steps[at]!), stays);
      at = until;
    }
    const results = outputs.map((value) => this.value(value));
    const [only] = results;
    const last = results.length === 1 ? printStatement(only!) : `(${results.map(print).join(', ')})`;
    return [...this.lines, last].join('\n');
  }

  private isCaching(step: Step): boolean {
    return step.kind === 'node'
      ? this.writer.cachedAs(step.node) !== undefined
      : step.body.steps.some((inner) => this.isCaching(inner));
  }

  private value(value: ValueId): Expression {
    const known = this.values.get(value);
    if (known) return known;
    const number = this.writer.numberOf(value);
    if (number) return numeral(number.dtype, number.value);
    return atom(this.writer.tensorPath(this.module, value)!);
  }

  private expressionOf(step: Step): Expression {
    if (step.kind === 'call')
      return call(
        this.writer.modulePath(this.module, step.module),
        step.body.inputs.map((value) => this.value(value)),
      );
    const { graph, as } = this.sized;
    const node = { ...step.node, attributes: renamedIn(step.node.attributes, as) } as AnyNode;
    if (node.op === 'dim_size') this.sizes.add(node.outputs[0]!);
    const cached = this.writer.cachedAs(step.node);
    if (cached !== undefined) return call('cached', [this.value(node.inputs[1]!)], [quoted(cached)]);
    const operands = node.inputs.map((value) => this.value(value));
    const expression = written(graph, node, operands);
    const isKnown = (value: ValueId): boolean => this.sizes.has(value) || this.writer.numberOf(value) !== undefined;
    if (expression.kind !== 'infix' || !node.inputs.every(isKnown)) return expression;
    // sizes and numbers alone would be computed when the model is compiled, where a dynamic size is not known
    const at = Math.max(
      0,
      node.inputs.findIndex((value) => this.sizes.has(value)),
    );
    return written(graph, node, operands.with(at, call('full', [atom('[]'), operands[at]!])));
  }

  /** Keeps an expression for the one place that uses it, or gives it a name. */
  private define(outputs: readonly ValueId[], expression: Expression, stays: boolean): void {
    const [only] = outputs;
    const short = print(expression).length <= LONGEST;
    if (outputs.length === 1 && this.uses.get(only!) === 1 && short && !stays) {
      this.values.set(only!, expression);
      return;
    }
    const hint = nameFor(expression);
    const names = outputs.map((value) => {
      const name = this.fresh(outputs.length === 1 ? hint : `${hint}_part`);
      this.values.set(value, atom(name));
      return name;
    });
    this.lines.push(`let ${names.join(', ')} = ${printStatement(expression)}`);
  }

  private fresh(hint: string): string {
    for (let n = 1; ; n++) if (!this.names.has(`${hint}${n}`)) return this.names.claim(`${hint}${n}`);
  }

  /** How many steps from this one on are the calls of a whole list, each of what the one before gave. */
  private listCall(at: number): number {
    const first = this.body.steps[at]!;
    const list = first.kind === 'call' ? first.module.parent : undefined;
    if (first.kind !== 'call' || !list || !isList(list) || first.module.part !== '0') return 0;
    const count = list.children.size;
    const rest = first.body.inputs.slice(1).join();
    for (let index = 0; index < count; index++) {
      const step = this.body.steps[at + index];
      if (step?.kind !== 'call' || step.module !== list.children.get(String(index))) return 0;
      const { inputs, outputs } = step.body;
      if (outputs.length !== 1 || inputs.slice(1).join() !== rest) return 0;
      const next = this.body.steps[at + index + 1];
      if (index === count - 1) continue;
      if (this.uses.get(outputs[0]!) !== 1 || next?.kind !== 'call' || next.body.inputs[0] !== outputs[0]) return 0;
    }
    return count;
  }

  private callOfList(at: number): Expression {
    const { module, body } = this.body.steps[at] as Extract<Step, { kind: 'call' }>;
    return call(
      this.writer.modulePath(this.module, module.parent!),
      body.inputs.map((value) => this.value(value)),
    );
  }
}

function inputsOf(step: Step): readonly ValueId[] {
  return step.kind === 'call' ? step.body.inputs : step.node.inputs;
}

function outputsOf(step: Step): readonly ValueId[] {
  return step.kind === 'call' ? step.body.outputs : step.node.outputs;
}

function numeral(dtype: DType, value: number): Expression {
  if (dtype === 'bool') return atom(value === 0 ? 'false' : 'true');
  const text = dtype === 'i64' ? String(value) : literal(shortest(value));
  return text.startsWith('-') ? { kind: 'negative', text } : atom(text);
}

const WORDS: { readonly [operator: string]: string } = {
  '+': 'sum',
  '-': 'difference',
  '*': 'product',
  '/': 'quotient',
  '@': 'product',
  and: 'mask',
  or: 'mask',
  '==': 'mask',
  '!=': 'mask',
  '<': 'mask',
  '<=': 'mask',
};

/** A name for what an expression is: the operator or module that is called last. */
function nameFor(expression: Expression): string {
  switch (expression.kind) {
    case 'call':
      return /(\w+?)(?:\[\d+\])?$/.exec(expression.callee)![1]!;
    case 'index':
      return 'slice';
    case 'infix':
      return WORDS[expression.operator]!;
    case 'prefix':
      return expression.operator === 'not' ? 'mask' : 'negative';
    default:
      return 'value';
  }
}
