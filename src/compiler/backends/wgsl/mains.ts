/** The three shapes of `main` that are no template's: points, rows and lanes (see emit.ts). */
import { productOf, type Shape } from '../../../shared/dim.ts';
import type { Node } from '../../ir/graph.ts';
import { Block } from './code.ts';
import { knowFold, laneFold, serialFold } from './folds.ts';
import { type Coordinate, delinearise, plus, times } from './index-math.ts';
import type { Kernel } from './kernel.ts';
import type { ReduceOp } from './reduce.ts';
import { type KernelWriter, LANES, ONE, type Part } from './writer.ts';

const INVOCATION =
  '@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32';

export function points(writer: KernelWriter): Part {
  const { kernel } = writer;
  const block = new Block(writer.code);
  const count = productOf(kernel.shape);
  block.declare('index');
  const coordinates = delinearise(block, 'index', kernel.shape);
  writer.evaluator.setPosition({ shape: kernel.shape, coordinates, index: 'index' });
  for (const phase of kernel.phases) knowFold(writer, phase as Node<ReduceOp>, block, serialFold);
  for (const output of kernel.outputs) writer.store(block, output, coordinates);
  const main = [
    `@compute @workgroup_size(${LANES})`,
    `fn main(${INVOCATION}) {`,
    `  let index = (group.y * groups.x + group.x) * ${LANES}u + lane;`,
    `  if (index >= ${writer.code.size(count)}) { return; }`,
    block.text(),
    '}',
  ].join('\n');
  return {
    main,
    workgroup: [LANES, 1, 1],
    groups: [{ of: count, per: LANES }, ONE, ONE],
    linear: true,
  };
}

interface RowSpace {
  readonly rows: Shape;
  readonly columns: Shape;
}

function rowSpace({ shape, columns }: Kernel): RowSpace {
  const at = shape.length - columns;
  return { rows: shape.slice(0, at), columns: shape.slice(at) };
}

export function rows(writer: KernelWriter): Part {
  const { kernel } = writer;
  const block = new Block(writer.code);
  const space = rowSpace(kernel);
  const count = productOf(space.rows);
  block.declare('row');
  const own = delinearise(block, 'row', space.rows);
  for (const phase of kernel.phases) knowFold(writer, phase as Node<ReduceOp>, block, serialFold);
  const width = productOf(space.columns);
  writeColumns(writer, block, own, space, `var c = 0u; c < ${block.size(width)}; c++`);
  const main = [
    `@compute @workgroup_size(${LANES})`,
    `fn main(${INVOCATION}) {`,
    `  let row = (group.y * groups.x + group.x) * ${LANES}u + lane;`,
    `  if (row >= ${writer.code.size(count)}) { return; }`,
    block.text(),
    '}',
  ].join('\n');
  return { main, workgroup: [LANES, 1, 1], groups: [{ of: count, per: LANES }, ONE, ONE], linear: true };
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

export function lanes(writer: KernelWriter): Part {
  const { kernel } = writer;
  const block = new Block(writer.code);
  const space = rowSpace(kernel);
  const count = productOf(space.rows);
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
    `  if (row >= ${writer.code.size(count)}) { return; }`,
    block.text(),
    '}',
  ].join('\n');
  return { main, workgroup: [LANES, 1, 1], groups: [{ of: count, per: 1 }, ONE, ONE], linear: true };
}
