/**
 * Folds inside a kernel: serial loops of one invocation, or shared by the lanes of a workgroup. A fold is written when
 * its result is first asked for.
 */
import { equalShapes, productOf, type Shape } from '../../../../shared/dim.ts';
import { type AnyNode, type Node, typeOf } from '../../../ir/graph.ts';
import { at, less, add as sum } from './arithmetic.ts';
import type { Block } from './block.ts';
import { functionOf } from './body.ts';
import type { ScalarType } from './code.ts';
import { axis, delinearise, type Index, keyOf } from './expr.ts';
import { binary, builtin, call, converted, type Expression, literal, unary, variable } from './expression.ts';
import type { OpenKernel, ValueFacts } from './input.ts';
import { LANE } from './invocation.ts';
import { library } from './library.ts';
import { Name } from './name.ts';
import { type Combine, REDUCTIONS, type ReduceContext, type ReduceOp, type ReduceRule } from './reduce.ts';
import { SCALAR_TYPES } from './scalar.ts';
import type { Loop } from './statements.ts';
import { type KernelWriter, LANES } from './writer.ts';

/** A fold of fewer places than this is not worth a barrier. */
const SHARED_FOLD = 32;

/** The results, in the block of the row: they are the same for the whole row. */
export type FoldWriter = (writer: KernelWriter, block: Block, folds: readonly Fold[]) => readonly Expression[];

/** Several in one loop have the same domain. */
interface Fold {
  readonly combine: Combine;
  readonly type: ScalarType;
  readonly domain: Shape;
  readonly upTo: Index | undefined;
  body(block: Block, at: readonly Index[]): Expression;
}

/** A kernel's folds, each computed when its result is first asked for, and with it those that can share its loop. */
export function knowFolds(writer: KernelWriter, reductions: readonly AnyNode[], block: Block, write: FoldWriter): void {
  const made = new Map<AnyNode, Expression>();
  /** made along with another, for the coordinates at which that one was wanted */
  const guessed = new Map<AnyNode, string>();
  for (const together of loopsOf(writer.facts, reductions)) {
    for (const node of together) {
      writer.evaluator.know(node.outputs[0]!, (coordinates) => {
        const at = keyOf(coordinates);
        const before = made.get(node);
        if (before !== undefined && (guessed.get(node) ?? at) === at) return before;
        const others = before === undefined ? together.filter((other) => other !== node && !made.has(other)) : [];
        const nodes = [node, ...others] as readonly Node<ReduceOp>[];
        const results = foldsAt(writer, nodes, block, coordinates, write);
        for (const [index, other] of nodes.entries()) made.set(other as AnyNode, results[index]!);
        for (const other of others) guessed.set(other, at);
        guessed.delete(node);
        return results[0]!;
      });
    }
  }
}

/** Names of the folds' results at these coordinates. */
function foldsAt<N extends ReduceOp>(
  writer: KernelWriter,
  nodes: readonly Node<N>[],
  block: Block,
  coordinates: readonly Index[],
  write: FoldWriter,
): Expression[] {
  const { graph } = writer.facts;
  const parts = nodes.map((node) => {
    const rule = REDUCTIONS[node.op] as unknown as ReduceRule<N>;
    const outputType = typeOf(graph, node.outputs[0]!);
    const types = node.inputs.map((operand) => typeOf(graph, operand));
    const contextIn = (inner: Block): ReduceContext<N> => ({
      block: inner,
      node,
      types,
      outputType,
      coordinates,
      element: (operand, at) => writer.evaluator.element(inner, node.inputs[operand]!, at),
    });
    const fold: Fold = {
      combine: rule.combine,
      type: SCALAR_TYPES[rule.combine === 'argmax' ? types[0]!.dtype : outputType.dtype],
      domain: rule.domain(node, types, outputType),
      upTo: rule.upTo?.(contextIn(block)),
      body: (inner, at) => rule.body(contextIn(inner), at),
    };
    return { fold, finish: (folded: Expression) => rule.finish?.(contextIn(block), folded) ?? folded };
  });
  const folded = write(
    writer,
    block,
    parts.map(({ fold }) => fold),
  );
  return parts.map(({ finish }, index) => block.name(finish(folded[index]!), 'r'));
}

/** Folds over the same places of operands of one shape, of which none needs another's result: a loop each. */
function loopsOf(facts: ValueFacts, reductions: readonly AnyNode[]): AnyNode[][] {
  const loops: AnyNode[][] = [];
  for (const reduction of reductions) {
    const loop = loops.find((nodes) =>
      nodes.every((node) => sameDomain(facts, node, reduction) && !needs(facts, reduction, node)),
    );
    if (loop) loop.push(reduction);
    else loops.push([reduction]);
  }
  return loops;
}

/** Whether two folds go over the same plain axes of equal shapes, and give equal shapes. */
export function sameDomain({ graph }: ValueFacts, a: AnyNode, b: AnyNode): boolean {
  const [one, other] = [a, b].map((node) => {
    const rule = REDUCTIONS[node.op as ReduceOp] as unknown as ReduceRule<ReduceOp>;
    if (!rule.rows || rule.upTo || rule.combine === 'argmax') return undefined;
    const { axes } = node.attributes as { readonly axes: readonly number[] };
    return { axes, from: typeOf(graph, node.inputs[0]!).shape, to: typeOf(graph, node.outputs[0]!).shape };
  });
  if (!one || !other) return false;
  return one.axes.join() === other.axes.join() && equalShapes(one.from, other.from) && equalShapes(one.to, other.to);
}

/** Whether a node is computed from another's result. */
function needs({ producers, order }: ValueFacts, node: AnyNode, from: AnyNode): boolean {
  const first = order.get(from)!;
  const open = [node];
  const seen = new Set(open);
  for (let next = open.pop(); next; next = open.pop()) {
    for (const operand of next.inputs) {
      const producer = producers.get(operand);
      if (producer === from) return true;
      if (!producer || seen.has(producer) || order.get(producer)! < first) continue;
      seen.add(producer);
      open.push(producer);
    }
  }
  return false;
}

function startOf(writer: KernelWriter, combine: Combine, type: ScalarType): Expression {
  if (combine === 'sum') return literal(type, 0);
  if (type === 'i32') return literal('i32', combine === 'min' ? 2 ** 31 - 1 : -(2 ** 31));
  return writer.code.literal('f32', combine === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
}

/** acc combined with value */
function combined(combine: Combine, type: ScalarType, acc: Expression, value: Expression): Expression {
  if (combine === 'sum') return binary('+', acc, value);
  const [own, ofFloats] = combine === 'min' ? (['min', 'minimum_of'] as const) : (['max', 'maximum_of'] as const);
  return type === 'f32' ? library(ofFloats, [acc, value]) : builtin(own, [acc, value]);
}

/** The statement that combines acc with another value. */
function add(block: Block, { combine, type }: Fold, acc: Expression, value: Expression): void {
  if (combine === 'sum') block.assign(acc, value, '+=');
  else block.assign(acc, combined(combine, type, acc, value));
}

/** Whether a value comes before the largest of those before it: the first NaN is larger than everything. */
function beats(type: ScalarType, value: Expression, largest: Expression): Expression {
  const larger = binary('>', value, largest);
  if (type !== 'f32') return larger;
  const [isNan, wasNan] = [library('is_nan', [value]), library('is_nan', [largest])];
  return binary('&&', unary('!', wasNan), binary('||', larger, isNan));
}

/** Long sums are made of the sums of 64 places each: the error grows with n / 64 instead of n. */
const PART = 64;

export const serialFold: FoldWriter = (writer, block, folds) => {
  const [{ domain, upTo }] = folds as readonly [Fold, ...Fold[]];
  const { code } = writer;
  const counters = domain.map(() => code.fresh('j'));
  const at = counters.map(({ hint }, n) => axis(hint, domain[n]!));
  const end = upTo ? block.index(upTo) : block.size(domain[0] ?? 1);
  const long =
    domain.length === 1 && !(Number(domain[0]) <= 2 * PART) && folds.some(({ combine }) => combine === 'sum');
  const totals = folds.map((fold) => {
    /** a variable of the fold */
    const made = (hint: string, type: ScalarType) => variable(code.fresh(hint), type);
    const acc = made('acc', fold.type);
    block.variable(acc.name, startOf(writer, fold.combine, fold.type));
    const part = long && fold.combine === 'sum' ? made('part', fold.type) : undefined;
    const best = fold.combine === 'argmax' ? made('best', 'i32') : undefined;
    if (best) block.variable(best.name, literal('i32', 0));
    return { fold, acc, part, best };
  });
  const u32 = (number: number): Expression => literal('u32', number);
  const [first] = counters;
  const all = { from: u32(0), step: u32(1) };
  const loops: Loop[] = counters.map((counter, n) => {
    return { ...all, counter, below: upTo ? end : block.size(domain[n]!) };
  });
  if (long) {
    const start = variable(code.fresh('start'), 'u32');
    const below = builtin('min', [binary('+', start, u32(PART)), end]);
    loops.splice(
      0,
      1,
      { ...all, counter: start.name, below: end, step: u32(PART) },
      { counter: first!, from: start, below, step: u32(1) },
    );
  }
  const blocks: Block[] = [block];
  for (const { counter } of loops) {
    const inner = blocks.at(-1)!.inner();
    inner.declare(counter);
    blocks.push(inner);
  }
  const inner = blocks.at(-1)!;
  for (const { fold, acc, part, best } of totals) {
    const value = fold.body(inner, at);
    if (!best) {
      add(inner, fold, part ?? acc, value);
    } else {
      const better = inner.inner();
      const place = variable(first!, 'u32');
      better.assign(acc, value);
      better.assign(best, converted('i32', place));
      inner.when(binary('||', binary('==', place, u32(0)), beats(fold.type, value, acc)), better);
    }
  }
  // loops come last: what does not depend on one has been named before it by now
  for (const [level, loop] of [...loops.entries()].reverse()) {
    const outer = blocks[level]!;
    const parts = level === 1 ? totals.filter(({ part }) => part !== undefined) : [];
    for (const { part, fold } of parts) outer.variable(part!.name, startOf(writer, 'sum', fold.type));
    outer.loop(loop, blocks[level + 1]!);
    for (const { acc, part } of parts) outer.assign(acc, part!, '+=');
  }
  return totals.map(({ acc, best }) => best ?? acc);
};

/** A fold over a plain domain that is long enough for the lanes of a workgroup. */
export function sharesFolds(kernel: OpenKernel): boolean {
  const { graph } = kernel.facts;
  if (kernel.reductions.length === 0 || kernel.outputs.some(({ shift }) => shift && kernel.columns === 0)) return false;
  return kernel.reductions.every((reduction) => {
    const node = reduction as Node<ReduceOp>;
    const rule = REDUCTIONS[node.op] as unknown as ReduceRule<ReduceOp>;
    if (rule.upTo || rule.combine === 'argmax' || !rule.rows) return false;
    const { axes } = node.attributes as { readonly axes: readonly number[] };
    const { shape } = typeOf(graph, node.inputs[0]);
    // neighbouring points read neighbouring elements: one invocation each is as good and needs no barrier
    const along = axes.includes(shape.length - 1);
    const points = kernel.columns === 0 ? productOf(kernel.shape) : 0;
    if (!along && typeof points === 'number' && points >= 4 * LANES) return false;
    const length = productOf(axes.map((axis) => shape[axis]!));
    return typeof length !== 'number' || length >= SHARED_FOLD;
  });
}

export const laneFold: FoldWriter = (writer, block, folds) => {
  const { domain } = folds[0]!;
  const j = writer.code.fresh('j');
  const body = block.inner();
  const at = delinearise(body.axis(j.hint, productOf(domain)), domain);
  const accs = folds.map((fold) => {
    const acc = variable(writer.code.fresh('acc'), fold.type);
    block.variable(acc.name, startOf(writer, fold.combine, fold.type));
    const value = fold.body(body, at);
    add(body, fold, acc, value);
    return acc;
  });
  block.loop({ counter: j, from: LANE, below: block.size(productOf(domain)), step: literal('u32', LANES) }, body);
  return folds.map(({ combine, type }, index) => call(sharedFold(writer, combine, type), [LANE, accs[index]!], type));
};

/** A function that folds one value per lane, the same way every time: a tree over workgroup memory. */
function sharedFold(writer: KernelWriter, combine: Combine, type: ScalarType): Name {
  const { code } = writer;
  return code.once(`share ${combine} ${type}`, () => {
    const memory = code.once(`lanes ${type}`, () => {
      const [name, array] = [new Name(`lanes_${type}`), `array<${type}, ${LANES}>` as const];
      code.variable({ name, space: 'workgroup', type: array });
      return variable(name, array);
    });
    const parameters = { lane: 'u32', value: type } as const;
    const shared = functionOf(new Name(`share_${combine}_${type}`), parameters, type, (body, { lane, value }) => {
      const own = at(memory, lane);
      body.barrier();
      body.set(own, value);
      body.halving('half', LANES / 2, (half) => {
        body.barrier();
        body.if(less(lane, half), () => body.set(own, combined(combine, type, own, at(memory, sum(lane, half)))));
      });
      body.barrier();
      body.return(at(memory, 0));
    });
    return code.define(shared);
  });
}
