/**
 * Folds inside a kernel: serial loops of one invocation, or shared by the lanes of a workgroup. A fold is written when
 * its result is first asked for.
 */
import { productOf, type Shape } from '../../../shared/dim.ts';
import { type Node, typeOf } from '../../ir/graph.ts';
import type { Block, ScalarType } from './code.ts';
import type { GraphFacts } from './evaluator.ts';
import { type Coordinate, delinearise } from './index-math.ts';
import type { Kernel } from './kernel.ts';
import { type Combine, REDUCTIONS, type ReduceContext, type ReduceOp, type ReduceRule } from './reduce.ts';
import { SCALAR_TYPES } from './scalar.ts';
import { type KernelWriter, LANES } from './writer.ts';

/** A fold of fewer places than this is not worth a barrier. */
const SHARED_FOLD = 32;

/** The fold is computed when its result is first asked for, in the block of the row: it is the same for the whole row. */
export type FoldWriter = (writer: KernelWriter, block: Block, fold: Fold) => string;

interface Fold {
  readonly combine: Combine;
  readonly type: ScalarType;
  readonly domain: Shape;
  readonly upTo: Coordinate | undefined;
  body(block: Block, at: readonly Coordinate[]): string;
}

export function knowFold<N extends ReduceOp>(
  writer: KernelWriter,
  node: Node<N>,
  block: Block,
  write: FoldWriter,
): void {
  const { graph } = writer.context.facts;
  const rule = REDUCTIONS[node.op] as unknown as ReduceRule<N>;
  const result = node.outputs[0]!;
  const outputType = typeOf(graph, result);
  const types = node.inputs.map((operand) => typeOf(graph, operand));
  let made: string | undefined;
  writer.evaluator.know(result, (coordinates) => {
    if (made !== undefined) return made;
    const contextIn = (inner: Block): ReduceContext<N> => ({
      block: inner,
      node,
      types,
      outputType,
      coordinates,
      element: (operand, at) => writer.evaluator.element(inner, node.inputs[operand]!, at),
    });
    const folded = write(writer, block, {
      combine: rule.combine,
      type: SCALAR_TYPES[rule.combine === 'argmax' ? types[0]!.dtype : outputType.dtype],
      domain: rule.domain(node, types, outputType),
      upTo: rule.upTo?.(contextIn(block)),
      body: (inner, at) => rule.body(contextIn(inner), at),
    });
    made = block.name(rule.finish ? rule.finish(contextIn(block), folded) : folded, 'r');
    return made;
  });
}

function startOf(writer: KernelWriter, combine: Combine, type: ScalarType): string {
  if (combine === 'sum') return type === 'i32' ? '0i' : '0.0';
  if (type === 'i32') return combine === 'min' ? '2147483647i' : 'i32(-2147483648)';
  return writer.evaluator.scalar('f32', combine === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
}

/** acc combined with value, both texts of the type */
function combined(writer: KernelWriter, combine: Combine, type: ScalarType, acc: string, value: string): string {
  if (combine === 'sum') return `${acc} + ${value}`;
  const extreme = combine === 'min' ? 'minimum_of' : 'maximum_of';
  return type === 'f32' ? `${writer.code.use(extreme)}(${acc}, ${value})` : `${combine}(${acc}, ${value})`;
}

/** Long sums are made of the sums of 64 places each: the error grows with n / 64 instead of n. */
const PART = 64;

export const serialFold: FoldWriter = (writer, block, fold) => {
  const acc = writer.code.fresh('acc');
  const at = fold.domain.map(() => writer.code.fresh('j'));
  const best = writer.code.fresh('best');
  block.line(`var ${acc} = ${startOf(writer, fold.combine, fold.type)};`);
  if (fold.combine === 'argmax') block.line(`var ${best} = 0i;`);
  const end = fold.upTo ?? block.size(fold.domain[0] ?? 1);
  const long = fold.domain.length === 1 && fold.combine === 'sum' && !(Number(fold.domain[0]) <= 2 * PART);
  const part = writer.code.fresh('part');
  const start = writer.code.fresh('start');
  const loops: readonly (readonly [header: string, counter: string])[] = long
    ? [
        [`for (var ${start} = 0u; ${start} < ${end}; ${start} += ${PART}u) {`, start],
        [`for (var ${at[0]} = ${start}; ${at[0]} < min(${start} + ${PART}u, ${end}); ${at[0]}++) {`, at[0]!],
      ]
    : at.map((counter, axis) => {
        const limit = fold.upTo ?? block.size(fold.domain[axis]!);
        return [`for (var ${counter} = 0u; ${counter} < ${limit}; ${counter}++) {`, counter] as const;
      });
  const blocks: Block[] = [block];
  for (const [, counter] of loops) {
    const inner = blocks.at(-1)!.inner();
    inner.declare(counter);
    blocks.push(inner);
  }
  const inner = blocks.at(-1)!;
  const target = long ? part : acc;
  const value = fold.body(inner, at);
  if (fold.combine === 'argmax') {
    inner.line(`if (${at[0]} == 0u || ${value} > ${acc}) { ${acc} = ${value}; ${best} = i32(${at[0]}); }`);
  } else inner.line(`${target} = ${combined(writer, fold.combine, fold.type, target, value)};`);
  // headers come last: what does not depend on a loop has been named before it by now
  for (const [level, [header]] of [...loops.entries()].reverse()) {
    const outer = blocks[level]!;
    if (long && level === 1) outer.line(`var ${part} = ${startOf(writer, 'sum', fold.type)};`);
    outer.line(header);
    outer.append(blocks[level + 1]!);
    outer.line('}');
    if (long && level === 1) outer.line(`${acc} += ${part};`);
  }
  return fold.combine === 'argmax' ? best : acc;
};

/** A fold over a plain domain that is long enough for the lanes of a workgroup. */
export function sharesFolds(kernel: Kernel, { graph }: GraphFacts): boolean {
  if (kernel.phases.length === 0 || kernel.outputs.some(({ shift }) => shift && kernel.columns === 0)) return false;
  return kernel.phases.every((phase) => {
    const node = phase as Node<ReduceOp>;
    const rule = REDUCTIONS[node.op] as unknown as ReduceRule<ReduceOp>;
    if (rule.upTo || rule.combine === 'argmax' || !rule.rows) return false;
    const { axes } = node.attributes as { readonly axes: readonly number[] };
    const { shape } = typeOf(graph, node.inputs[0]!);
    // neighbouring points read neighbouring elements: one invocation each is as good and needs no barrier
    const along = axes.includes(shape.length - 1);
    const points = kernel.columns === 0 ? productOf(kernel.shape) : 0;
    if (!along && typeof points === 'number' && points >= 4 * LANES) return false;
    const length = productOf(axes.map((axis) => shape[axis]!));
    return typeof length !== 'number' || length >= SHARED_FOLD;
  });
}

export const laneFold: FoldWriter = (writer, block, fold) => {
  const [acc, j] = [writer.code.fresh('acc'), writer.code.fresh('j')];
  block.line(`var ${acc} = ${startOf(writer, fold.combine, fold.type)};`);
  const body = block.inner();
  body.declare(j);
  const at = fold.domain.length === 1 ? [j] : delinearise(body, j, fold.domain);
  const value = fold.body(body, at);
  body.line(`${acc} = ${combined(writer, fold.combine, fold.type, acc, value)};`);
  block.line(`for (var ${j} = lane; ${j} < ${block.size(productOf(fold.domain))}; ${j} += ${LANES}u) {`);
  block.append(body);
  block.line('}');
  return `${sharedFold(writer, fold.combine, fold.type)}(lane, ${acc})`;
};

/** A function that folds one value per lane, the same way every time: a tree over workgroup memory. */
function sharedFold(writer: KernelWriter, combine: Combine, type: ScalarType): string {
  const name = `share_${combine}_${type}`;
  return writer.code.once(name, () => {
    const memory = `lanes_${type}`;
    writer.code.once(memory, () => writer.code.define(`var<workgroup> ${memory}: array<${type}, ${LANES}>;`));
    const pair = combined(writer, combine, type, `${memory}[lane]`, `${memory}[lane + half]`);
    writer.code.define(`fn ${name}(lane: u32, value: ${type}) -> ${type} {
  workgroupBarrier();
  ${memory}[lane] = value;
  for (var half = ${LANES / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { ${memory}[lane] = ${pair}; }
  }
  workgroupBarrier();
  return ${memory}[0];
}`);
    return name;
  });
}
