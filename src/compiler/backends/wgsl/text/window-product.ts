/**
 * Products whose operands are read where windows put them. GPUs stage them in workgroup memory as those of any product. Software
 * adapters sum in registers, in a loop for each axis of the sum: what an index has of an outer axis stands in the outer loop.
 */
import { productOf, type Shape } from '../../../../shared/dim.ts';
import type { Profile, Template } from '../families/contract.ts';
import { declareSums, type Sums, storeSums } from '../families/gemm-tile.ts';
import { gridMain } from '../families/grid.ts';
import { isMultiple, sizeOr } from '../families/sizes.ts';
import { add, atLeast, everywhere, four, mul, or, smallest, sub } from './arithmetic.ts';
import { Block } from './block.ts';
import type { Body } from './body.ts';
import { constant, delinearise, type Index, plus, word } from './expr.ts';
import { literal } from './expression.ts';
import { LANE } from './invocation.ts';
import { Name } from './name.ts';
import { extent, type Operand } from './operands.ts';
import { type Product, productSink, productTemplate } from './products.ts';
import type { KernelWriter } from './writer.ts';

export interface WindowProduct extends Omit<Product, 'sizes'> {
  readonly sizes: Omit<Product['sizes'], 'k'>;
  /** axes of the sum */
  readonly summed: Shape;
  /** the order of their loops, the outermost first */
  readonly loops: readonly number[];
  /** over (batch, m, ...summed) */
  readonly a: Operand;
  /** over (batch, n, ...summed) */
  readonly b: Operand;
}

/** The same with one axis of the sum, as templates have it. */
export function flattened(product: WindowProduct): Product {
  const { sizes, summed, a, b } = product;
  const over = (of: Operand, at: (given: readonly Index[]) => readonly Index[]): Operand => ({
    place: (given) => of.place(at(given)),
    element: (block, given) => of.element(block, at(given)),
  });
  return {
    ...product,
    sizes: { ...sizes, k: productOf(summed) },
    a: over(a, ([batch, row, k]) => [batch!, row!, ...delinearise(k!, summed)]),
    b: over(b, ([batch, k, column]) => [batch!, column!, ...delinearise(k!, summed)]),
  };
}

export function windowProduct(writer: KernelWriter, product: WindowProduct, profile: Profile): Template {
  return profile === 'gpu' ? productTemplate(writer, flattened(product), profile) : inRegisters(writer, product);
}

/** Columns of an invocation. */
const COLUMNS = 4;
/** Invocations of a workgroup, side by side along n. */
const LANES = 16;

function inRegisters(writer: KernelWriter, product: WindowProduct): Template {
  const [batch, m, n] = (['batch', 'm', 'n'] as const).map((name) => extent(writer, product.sizes[name]));
  const most = sizeOr(m!, 64);
  const rows = most >= 8 ? 8 : most >= 4 ? 4 : most;
  const store = productSink(writer, product);
  return gridMain(
    `${rows} × ${COLUMNS} sums per invocation, a loop for each axis of the sum`,
    [LANES, 1, 1],
    [
      { extent: n!, per: LANES * COLUMNS },
      { extent: m!, per: rows },
      { extent: batch!, per: 1 },
    ],
    (body, tile) => {
      const column = body.let('first_column', mul(add(mul(tile.x, LANES), LANE), COLUMNS));
      const row = body.let('first_row', mul(tile.y, rows));
      const at = body.let('batch', tile.z);
      body.returnIf(or(atLeast(row, m!.size), atLeast(column, n!.size)));
      const sums = declareSums(body, { rows, vectors: 1, a: 'none', b: 'none', depth: 1 });
      addProducts(writer, product, body, sums);
      const place = {
        row: (i: typeof row) => add(row, i),
        column: (c: typeof row) => add(column, c),
        rows: isMultiple(m!, rows) ? undefined : m!.size,
        columns: isMultiple(n!, COLUMNS) ? undefined : n!.size,
      };
      storeSums(body, { rows, vectors: 1, a: 'none', b: 'none', depth: 1 }, sums, place, (...to) =>
        body.call(store, at, ...to),
      );
    },
  );
}

/** Adds a · b to the sums at `first_row` and `first_column`; rows and columns beyond the last are the last again. */
function addProducts(writer: KernelWriter, product: WindowProduct, body: Body, sums: Sums): void {
  const { sizes, summed, loops, a, b } = product;
  const block = new Block(writer.code);
  const batch = block.axis('batch', sizes.batch);
  const along = (name: string, size: typeof sizes.m, count: number): Index[] => {
    const first = block.axis(name, size);
    return Array.from({ length: count }, (_, i) => {
      const own = plus(first, constant(i));
      if (typeof size === 'number' && size % count === 0) return own;
      const last = sub(block.size(size), 1);
      return word(block.name(smallest(block.index(own), last)), `min ${own.key}`, new Set([name]));
    });
  };
  const [rows, columns] = [along('first_row', sizes.m, sums.length), along('first_column', sizes.n, COLUMNS)];
  const blocks = [block];
  const places: Index[] = [];
  for (const axis of loops) {
    if (summed[axis] === 1) places[axis] = constant(0);
    else {
      const inner = blocks.at(-1)!.inner();
      places[axis] = inner.axis(`k${axis}`, summed[axis]!);
      blocks.push(inner);
    }
  }
  const innermost = blocks.at(-1)!;
  const vector = innermost.name(four((c) => b.element(innermost, [batch, columns[c]!, ...places])));
  for (const [r, [sum]] of sums.entries()) {
    const value = a.element(innermost, [batch, rows[r]!, ...places]);
    innermost.assign(sum!, mul(everywhere(value), vector), '+=');
  }
  for (const axis of loops.filter((axis) => summed[axis] !== 1).toReversed()) {
    const [outer, inner] = blocks.splice(-2) as [Block, Block];
    const below = outer.size(summed[axis]!);
    outer.loop({ counter: new Name(`k${axis}`), from: literal('u32', 0), below, step: literal('u32', 1) }, inner);
    blocks.push(outer);
  }
  body.add(...block.statements);
}
