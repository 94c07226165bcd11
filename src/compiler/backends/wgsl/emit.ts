/**
 * A kernel → WGSL. The three shapes of `main` that are not templates of their own:
 *
 *   points   one invocation per point of the space; folds, if any, in serial loops
 *   rows     one invocation per row: folds over the row, then a loop over its columns
 *   lanes    one workgroup per row (or per point): lanes share the folds and the columns
 *
 * GEMM and attention bring their `main` (families/); their operands and results are written here as functions.
 */
import { type Dim, productOf, type Shape } from '../../../shared/dim.ts';
import { type Node, typeOf, type ValueId } from '../../ir/graph.ts';
import { Block, type Element, KernelCode, type ScalarType } from './code.ts';
import { emitCore } from './core.ts';
import { Evaluator, type GraphFacts, type Storage, type Stored } from './evaluator.ts';
import type { Profile, TemplateGroups } from './families/contract.ts';
import { type Coordinate, delinearise, plus, times } from './index-math.ts';
import type { Kernel, KernelOutput } from './kernel.ts';
import { type Combine, REDUCTIONS, type ReduceContext, type ReduceOp, type ReduceRule } from './reduce.ts';
import { SCALAR_TYPES } from './scalar.ts';

/** A kernel as text, and how to launch it. */
export interface Emitted {
  readonly wgsl: string;
  /** keys of buffers, in binding order */
  readonly buffers: readonly string[];
  readonly access: readonly ('read' | 'read_write')[];
  readonly params: readonly Dim[];
  readonly workgroup: readonly [number, number, number];
  readonly groups: readonly [TemplateGroups, TemplateGroups, TemplateGroups];
  readonly linear: boolean;
}

export interface EmitContext {
  readonly facts: GraphFacts;
  /** of values outside the kernel */
  readonly storage: Storage;
  readonly header: string;
}

/** Invocations of a workgroup that works on points or rows. */
const LANES = 64;
/** A fold of fewer places than this is not worth a barrier. */
const SHARED_FOLD = 32;

export const ONE: TemplateGroups = { of: 1, per: 1 };

/** The evaluator of one kernel, with a way to write its outputs. */
export class KernelWriter {
  readonly code = new KernelCode();
  readonly evaluator: Evaluator;
  readonly kernel: Kernel;
  readonly context: EmitContext;

  constructor(kernel: Kernel, context: EmitContext) {
    this.kernel = kernel;
    this.context = context;
    const own = new Set(kernel.outputs.flatMap(({ value, into }) => (value === into ? [value] : [])));
    const core = new Set(kernel.core?.outputs ?? []);
    const stored = (value: ValueId): Stored | undefined =>
      own.has(value) || core.has(value) ? undefined : context.storage.stored(value);
    this.evaluator = new Evaluator(this.code, context.facts, { stored });
  }

  /** Statements that compute and store one output's element. */
  store(block: Block, { value, into, shift }: KernelOutput, coordinates: readonly Coordinate[]): void {
    const text = this.evaluator.element(block, value, coordinates);
    const target = this.context.storage.stored(into);
    if (!target) throw new Error(`value %${into} is written and has no buffer`);
    const at = coordinates.map((own, axis) => (axis === shift?.axis ? plus(own, block.size(shift.by)) : own));
    const { shape } = typeOf(this.context.facts.graph, value);
    const index = this.evaluator.index(
      block,
      target.layout,
      at.map((own, axis) => (shape[axis] === 1 && axis !== shift?.axis ? '0u' : own)),
    );
    const binding = this.code.binding(target.key, target.element, 'read_write');
    const type = SCALAR_TYPES[typeOf(this.context.facts.graph, value).dtype];
    block.line(`${binding.name}[${index}] = ${word(text, type, target.element)};`);
  }

  finish(main: string, launch: Pick<Emitted, 'workgroup' | 'groups' | 'linear'>): Emitted {
    const wgsl = this.code.text([this.context.header], main);
    const { bindings, params } = this.code;
    return {
      wgsl,
      buffers: bindings.map(({ key }) => key),
      access: bindings.map(({ access }) => access),
      params,
      ...launch,
    };
  }
}

function word(text: string, type: ScalarType, element: Element): string {
  return type === 'bool' && element === 'u32' ? `select(0u, 1u, ${text})` : text;
}

export function emitKernel(kernel: Kernel, context: EmitContext, profile: Profile): Emitted {
  if (kernel.core) return emitCore(kernel, kernel.core, context, profile);
  if (profile === 'gpu' && sharesFolds(kernel, context.facts)) return emitLanes(kernel, context);
  return kernel.columns > 0 && kernel.phases.length > 0 ? emitRows(kernel, context) : emitPoints(kernel, context);
}

/** Whether the profiles differ for this kernel. */
export function dependsOnProfile(kernel: Kernel, facts: GraphFacts): boolean {
  return kernel.core !== undefined || sharesFolds(kernel, facts);
}

const INVOCATION =
  '@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32';

function emitPoints(kernel: Kernel, context: EmitContext): Emitted {
  const writer = new KernelWriter(kernel, context);
  const block = new Block(writer.code);
  const points = productOf(kernel.shape);
  block.declare('index');
  const coordinates = delinearise(block, 'index', kernel.shape);
  writer.evaluator.setPosition({ shape: kernel.shape, coordinates, index: 'index' });
  for (const phase of kernel.phases) knowFold(writer, phase as Node<ReduceOp>, block, serialFold);
  for (const output of kernel.outputs) writer.store(block, output, coordinates);
  const main = [
    `@compute @workgroup_size(${LANES})`,
    `fn main(${INVOCATION}) {`,
    `  let index = (group.y * groups.x + group.x) * ${LANES}u + lane;`,
    `  if (index >= ${writer.code.size(points)}) { return; }`,
    block.text(),
    '}',
  ].join('\n');
  return writer.finish(main, {
    workgroup: [LANES, 1, 1],
    groups: [{ of: points, per: LANES }, ONE, ONE],
    linear: true,
  });
}

interface RowSpace {
  readonly rows: Shape;
  readonly columns: Shape;
}

function rowSpace({ shape, columns }: Kernel): RowSpace {
  const at = shape.length - columns;
  return { rows: shape.slice(0, at), columns: shape.slice(at) };
}

function emitRows(kernel: Kernel, context: EmitContext): Emitted {
  const writer = new KernelWriter(kernel, context);
  const block = new Block(writer.code);
  const space = rowSpace(kernel);
  const rows = productOf(space.rows);
  block.declare('row');
  const own = delinearise(block, 'row', space.rows);
  for (const phase of kernel.phases) knowFold(writer, phase as Node<ReduceOp>, block, serialFold);
  const width = productOf(space.columns);
  writeColumns(writer, block, own, space, `var c = 0u; c < ${block.size(width)}; c++`);
  const main = [
    `@compute @workgroup_size(${LANES})`,
    `fn main(${INVOCATION}) {`,
    `  let row = (group.y * groups.x + group.x) * ${LANES}u + lane;`,
    `  if (row >= ${writer.code.size(rows)}) { return; }`,
    block.text(),
    '}',
  ].join('\n');
  return writer.finish(main, { workgroup: [LANES, 1, 1], groups: [{ of: rows, per: LANES }, ONE, ONE], linear: true });
}

/** The loop that writes the columns of a row. */
function writeColumns(
  writer: KernelWriter,
  block: Block,
  own: readonly Coordinate[],
  { rows, columns }: RowSpace,
  loop: string,
): void {
  const body = block.inner();
  body.declare('c');
  const coordinates = [...own, ...delinearise(body, 'c', columns)];
  const width = body.size(productOf(columns));
  const index = rows.every((dim) => dim === 1) ? 'c' : plus(times('row', width), 'c');
  writer.evaluator.setPosition({ shape: [...rows, ...columns], coordinates, index });
  for (const output of writer.kernel.outputs) writer.store(body, output, coordinates);
  block.line(`for (${loop}) {`);
  block.append(body);
  block.line('}');
}

/** The fold is computed when its result is first asked for, in the block of the row: it is the same for the whole row. */
type FoldWriter = (writer: KernelWriter, block: Block, fold: Fold) => string;

interface Fold {
  readonly combine: Combine;
  readonly type: ScalarType;
  readonly domain: Shape;
  readonly upTo: Coordinate | undefined;
  body(block: Block, at: readonly Coordinate[]): string;
}

function knowFold<N extends ReduceOp>(writer: KernelWriter, node: Node<N>, block: Block, write: FoldWriter): void {
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

const serialFold: FoldWriter = (writer, block, fold) => {
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
function sharesFolds(kernel: Kernel, { graph }: GraphFacts): boolean {
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

function emitLanes(kernel: Kernel, context: EmitContext): Emitted {
  const writer = new KernelWriter(kernel, context);
  const block = new Block(writer.code);
  const space = rowSpace(kernel);
  const rows = productOf(space.rows);
  block.declare('row');
  const own = delinearise(block, 'row', space.rows);
  for (const phase of kernel.phases) knowFold(writer, phase as Node<ReduceOp>, block, laneFold);
  if (kernel.columns > 0) {
    const width = block.size(productOf(space.columns));
    writeColumns(writer, block, own, space, `var c = lane; c < ${width}; c += ${LANES}u`);
  } else {
    const body = block.inner();
    writer.evaluator.setPosition({ shape: space.rows, coordinates: own, index: 'row' });
    // folds are reached by every lane; only the writing is for the first
    for (const { value } of kernel.outputs) writer.evaluator.element(block, value, own);
    for (const output of kernel.outputs) writer.store(body, output, own);
    block.line('if (lane == 0u) {');
    block.append(body);
    block.line('}');
  }
  const main = [
    `@compute @workgroup_size(${LANES})`,
    `fn main(${INVOCATION}) {`,
    '  let row = group.y * groups.x + group.x;',
    `  if (row >= ${writer.code.size(rows)}) { return; }`,
    block.text(),
    '}',
  ].join('\n');
  return writer.finish(main, { workgroup: [LANES, 1, 1], groups: [{ of: rows, per: 1 }, ONE, ONE], linear: true });
}

const laneFold: FoldWriter = (writer, block, fold) => {
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
