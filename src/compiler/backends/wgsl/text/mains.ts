/** The shapes of `main` that are no template's: points, rows, lanes and scattered (see emit.ts). */
import { type Dim, equalShapes, productOf, type Shape } from '../../../../shared/dim.ts';
import { type Node, typeOf } from '../../../ir/graph.ts';
import type { Profile } from '../families/contract.ts';
import { add, atLeast, mul, u32 } from './arithmetic.ts';
import { Block } from './block.ts';
import { Body } from './body.ts';
import type { Element } from './code.ts';
import { wordAt } from './evaluator.ts';
import { constant, delinearise, type Index, plus, times } from './expr.ts';
import { binary, converted, variable, vector } from './expression.ts';
import { knowFolds, laneFold, serialFold } from './folds.ts';
import { inlineCost, isInline } from './inline.ts';
import type { OpenKernel } from './input.ts';
import { groupIndex, LANE } from './invocation.ts';
import { vectorAlong } from './layout.ts';
import { Name } from './name.ts';
import { costOf, isPointwise } from './scalar.ts';
import type { Loop } from './statements.ts';
import { type KernelWriter, LANES, ONE, type Part, shifted } from './writer.ts';

/** Counts the columns of a row. */
const COLUMN = new Name('c');

/** A `main` that does the statements of `block` for each of `count` items, whose number it calls `name`. */
function forEach(
  writer: KernelWriter,
  name: string,
  count: Dim,
  workers: 'invocations' | 'workgroups',
  block: Block,
): Part {
  const per = workers === 'invocations' ? LANES : 1;
  const body = new Body();
  const index = body.let(name, per === 1 ? groupIndex : add(mul(groupIndex, LANES), LANE));
  body.returnIf(atLeast(index, writer.code.size(count)));
  body.add(...block.statements);
  return { body, workgroup: [LANES, 1, 1], groups: [{ of: count, per }, ONE, ONE] };
}

export function points(writer: KernelWriter): Part {
  const { kernel } = writer;
  if (takesFour(writer)) return pointsByFour(writer);
  const block = new Block(writer.code);
  const count = productOf(kernel.shape);
  const coordinates = delinearise(block.axis('index', count), kernel.shape);
  knowFolds(writer, kernel.reductions, block, serialFold);
  for (const output of kernel.outputs) writer.store(block, output, coordinates);
  return forEach(writer, 'index', count, 'invocations', block);
}

const isNarrow = (element: Element): boolean => element === 'half' || element === 'i8';

/** Simple operations per point up to which a kernel's text may stand in it four times. */
const SHORT = 24;

/** Whether a kernel writes f32 tensors whose rows are fours of neighbours, and computes little for each. */
function takesFour({ kernel, facts: { graph, producers } }: KernelWriter): boolean {
  // what is smaller than a word is a copy of its own (fusion/fuse.ts) of rows that are a multiple of four
  if (kernel.outputs.some(({ to }) => isNarrow(to.element))) return true;
  const last = kernel.shape.at(-1);
  if (kernel.reductions.length > 0 || typeof last !== 'number' || last % 4 !== 0) return false;
  const each = kernel.outputs.every(({ value, to, whole }) => {
    const own = whole && to.element === 'f32' && equalShapes(typeOf(graph, value).shape, kernel.shape);
    return own && vectorAlong(to.layout, kernel.shape.length - 1);
  });
  if (!each) return false;
  const roots = new Set(kernel.outputs.map(({ value }) => value));
  const seen = new Set(roots);
  let cost = 0;
  for (const value of seen) {
    const node = producers.get(value);
    if (!node || (kernel.storage.stored(value) && !roots.has(value))) continue;
    if (typeOf(graph, value).shape.every((dim) => dim === 1)) continue; // stands there once
    cost += isPointwise(node.op) ? costOf(node.op) : isInline(node.op) ? inlineCost(node.op) : SHORT;
    for (const operand of node.inputs) seen.add(operand);
  }
  return cost < SHORT;
}

/** Four neighbours each: memory is read and written in vectors where it lies so. */
function pointsByFour(writer: KernelWriter): Part {
  const { kernel, evaluator } = writer;
  const block = new Block(writer.code);
  const { shape } = kernel;
  const fours = shape.with(-1, Number(shape.at(-1)) / 4);
  const count = productOf(fours);
  const own = delinearise(block.axis('index', count), fours);
  const start = times(own.at(-1)!, 4);
  const values = [0, 1, 2, 3].map((lane) => {
    const coordinates = own.with(-1, plus(start, constant(lane)));
    evaluator.setLane(lane);
    return kernel.outputs.map(({ value }) => evaluator.element(block, value, coordinates));
  });
  for (const [at, { to, shift }] of kernel.outputs.entries()) {
    const index = evaluator.address(to.layout, shifted(writer.code, own.with(-1, start), shift));
    const value = vector(values.map((lane) => lane[at]!));
    evaluator.storeFour(block, { stored: to, index }, isNarrow(to.element) ? block.name(value, 'four') : value);
  }
  return forEach(writer, 'index', count, 'invocations', block);
}

interface RowSpace {
  readonly rows: Shape;
  readonly columns: Shape;
}

function rowSpace({ shape, columns }: OpenKernel): RowSpace {
  const at = shape.length - columns;
  return { rows: shape.slice(0, at), columns: shape.slice(at) };
}

export function rows(writer: KernelWriter): Part {
  const { kernel } = writer;
  const block = new Block(writer.code);
  const space = rowSpace(kernel);
  const count = productOf(space.rows);
  const own = delinearise(block.axis('row', count), space.rows);
  knowFolds(writer, kernel.reductions, block, serialFold);
  const width = productOf(space.columns);
  writeColumns(writer, block, own, space, { counter: COLUMN, from: u32(0), below: block.size(width), step: u32(1) });
  return forEach(writer, 'row', count, 'invocations', block);
}

/** The loop that writes the columns of a row. */
function writeColumns(
  writer: KernelWriter,
  block: Block,
  own: readonly Index[],
  { columns }: RowSpace,
  loop: Loop,
): void {
  const body = block.inner();
  const coordinates = [...own, ...delinearise(body.axis('c', productOf(columns)), columns)];
  for (const output of writer.kernel.outputs) writer.store(body, output, coordinates);
  block.loop(loop, body);
}

export function lanes(writer: KernelWriter): Part {
  const { kernel } = writer;
  const block = new Block(writer.code);
  const space = rowSpace(kernel);
  const count = productOf(space.rows);
  const own = delinearise(block.axis('row', count), space.rows);
  knowFolds(writer, kernel.reductions, block, laneFold);
  if (kernel.columns > 0) {
    const below = block.size(productOf(space.columns));
    writeColumns(writer, block, own, space, { counter: COLUMN, from: LANE, below, step: u32(LANES) });
  } else {
    const body = block.inner();
    // folds are reached by every lane; only the writing is for the first
    for (const { value } of kernel.outputs) writer.evaluator.element(block, value, own);
    for (const output of kernel.outputs) writer.store(body, output, own);
    block.when(binary('==', LANE, u32(0)), body);
  }
  return forEach(writer, 'row', count, 'workgroups', block);
}

/** A kernel that only adds rows of updates to rows of a table: the gradient of an embedding. */
export function addsRows({ reductions, outputs, columns, contraction }: OpenKernel): boolean {
  const [reduction] = reductions;
  if (reductions.length !== 1 || reduction!.op !== 'scatter_add' || columns > 0 || contraction) return false;
  return reduction!.attributes.axis === 0 && outputs.length === 1 && outputs[0]!.value === reduction!.outputs[0];
}

/**
 * Whoever has a row of the table looks through all indices, and adds the updates that are for the row: on a GPU a
 * workgroup, whose lanes take the columns; on software one invocation, since there every lane's look costs. An update is
 * read, or computed, where it is added and nowhere else; as an ordinary fold each element of the table would compute
 * every update. Sums are in the order of the indices, in memory that only one lane touches.
 */
export function scattered(writer: KernelWriter, profile: Profile): Part {
  const { kernel, evaluator } = writer;
  const node = kernel.reductions[0] as Node<'scatter_add'>;
  const [base, indices, updates] = node.inputs as [number, number, number];
  const [output] = kernel.outputs as [OpenKernel['outputs'][number]];
  const [rows, ...columns] = kernel.shape;
  const updateRows = typeOf(writer.facts.graph, indices).shape[0]!;
  const block = new Block(writer.code);
  const row = block.axis('row', rows!);
  const [shared, width] = [profile === 'gpu', block.size(productOf(columns))];
  const each: Loop = shared
    ? { counter: COLUMN, from: LANE, below: width, step: u32(LANES) }
    : { counter: COLUMN, from: u32(0), below: width, step: u32(1) };

  const fill = block.inner();
  const filled = [row, ...delinearise(fill.axis('c', productOf(columns)), columns)];
  evaluator.know(output.value, () => evaluator.element(fill, base, filled));
  writer.store(fill, output, filled);

  const search = block.inner();
  const own = search.name(converted('u32', evaluator.element(search, indices, [search.axis('j', updateRows)])));
  // a name of its own, so that what depends on the place is computed for the row's own places alone
  const found = search.inner();
  const hitRow = found.axis('place', updateRows);
  const add = found.inner();
  const added = [row, ...delinearise(add.axis('c', productOf(columns)), columns)];
  const target = output.to;
  const { name, wide } = writer.code.binding(target.buffer, target.element, 'read_write');
  const at = add.named(evaluator.address(target.layout, added));
  const update = evaluator.element(add, updates, [hitRow, ...added.slice(1)]);
  add.assign(wordAt(name, target.element, wide, at), update, '+=');

  block.loop(each, fill);
  found.loop(each, add);
  const hit = search.inner();
  hit.add({ kind: 'let', name: new Name('place'), value: variable(new Name('j'), 'u32') });
  hit.append(found);
  search.when(binary('==', own, variable(new Name('row'), 'u32')), hit);
  block.loop({ counter: new Name('j'), from: u32(0), below: block.size(updateRows), step: u32(1) }, search);
  return forEach(writer, 'row', rows!, shared ? 'workgroups' : 'invocations', block);
}
