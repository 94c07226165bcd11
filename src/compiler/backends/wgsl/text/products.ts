/** Matrix products as templates: what is m, n and k of linear and matmul, and where their operands lie. */
import { type Dim, productOf, type Shape } from '../../../../shared/dim.ts';
import { type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Profile, Template } from '../families/contract.ts';
import { gemmTemplate } from '../families/gemm.ts';
import type { Block } from './block.ts';
import { delinearise, type Index } from './expr.ts';
import { binary, type Expression } from './expression.ts';
import type { Name } from './name.ts';
import { type Axis, extent, type Operand, operandAt, sink, source, VALUE } from './operands.ts';
import type { KernelWriter } from './writer.ts';

export interface Product {
  readonly sizes: Readonly<Record<'batch' | 'm' | 'n' | 'k', Dim>>;
  /** over (batch, m, k) */
  readonly a: Operand;
  /** over (batch, k, n) */
  readonly b: Operand;
  readonly result: ValueId;
  /** coordinates of the result at (batch, m, n) */
  readonly resultAt: (at: readonly Index[]) => readonly Index[];
  /** what is made of `VALUE` before anything reads it; absent: nothing */
  readonly finished?: (block: Block, at: readonly Index[]) => Expression;
}

type Result = Pick<Product, 'result' | 'resultAt' | 'finished'> & {
  readonly sizes: Readonly<Record<'batch' | 'm' | 'n', Dim>>;
};

/** The function that stores an element of the product: (batch, m, n, value). */
export const productSink = (writer: KernelWriter, { sizes, result, resultAt, finished }: Result): Name =>
  sink(
    writer,
    (['batch', 'm', 'n'] as const).map((name) => ({ name, extent: sizes[name] })),
    result,
    resultAt,
    finished ?? (() => VALUE),
  );

export function productTemplate(writer: KernelWriter, product: Product, profile: Profile): Template {
  const { sizes } = product;
  const axes = (...names: readonly (keyof typeof sizes)[]): Axis[] =>
    names.map((name) => ({ name, extent: sizes[name] }));
  const a = source(writer, 'a', axes('batch', 'm', 'k'), product.a);
  const b = source(writer, 'b', axes('batch', 'k', 'n'), product.b);
  const store = productSink(writer, product);
  return gemmTemplate({
    batch: extent(writer, sizes.batch),
    m: extent(writer, sizes.m),
    n: extent(writer, sizes.n),
    k: extent(writer, sizes.k),
    a,
    b,
    out: { store },
    profile,
  });
}

/** The product and a bias along some coordinate of the result. */
export function withBias({ evaluator }: KernelWriter, block: Block, bias: ValueId | undefined, at: Index): Expression {
  return bias === undefined ? VALUE : block.name(binary('+', VALUE, evaluator.element(block, bias, [at])), 'v');
}

export function linear(writer: KernelWriter, { inputs, outputs }: Node<'linear'>, profile: Profile): Template {
  const { graph } = writer.facts;
  const [x, weight, bias] = inputs as [ValueId, ValueId, ValueId?];
  const [shape, weightShape] = [typeOf(graph, x).shape, typeOf(graph, weight).shape];
  const leading = shape.slice(0, -1);
  const product: Product = {
    sizes: { batch: 1, m: productOf(leading), n: weightShape[0]!, k: weightShape[1]! },
    a: operandAt(writer, x, ([, row, at]) => [...delinearise(row!, leading), at!]),
    b: operandAt(writer, weight, ([, at, column]) => [column!, at!]),
    result: outputs[0],
    resultAt: ([, row, column]) => [...delinearise(row!, leading), column!],
    finished: (block, [, , column]) => withBias(writer, block, bias, column!),
  };
  return productTemplate(writer, product, profile);
}

export function matmul(writer: KernelWriter, node: Node<'matmul'>, profile: Profile): Template {
  const { graph } = writer.facts;
  const { transpose_a, transpose_b } = node.attributes;
  const [a, b] = node.inputs as [ValueId, ValueId];
  const shapeA = typeOf(graph, a).shape;
  const shapeB = typeOf(graph, b).shape;
  const out = typeOf(graph, node.outputs[0]).shape;
  const [rowless, columnless] = [shapeA.length === 1, shapeB.length === 1];
  const batchShape = out.slice(0, out.length - (rowless ? 0 : 1) - (columnless ? 0 : 1));
  const [m, k] = rowless ? [1 as Dim, shapeA[0]!] : swapped(shapeA, transpose_a);
  const n = columnless ? 1 : swapped(shapeB, transpose_b)[1];

  /** A matrix operand over (batch, row, column) of the product. */
  const matrix =
    (shape: Shape, turned: boolean, vector: 'row' | 'column' | undefined) =>
    ([at, row, column]: readonly Index[]): readonly Index[] => {
      if (vector) return [vector === 'row' ? column! : row!];
      const own = Math.max(shape.length - 2, 0);
      const leading = delinearise(at!, batchShape).slice(batchShape.length - own);
      return [...leading, ...(turned ? [column!, row!] : [row!, column!])];
    };
  const product: Product = {
    sizes: { batch: productOf(batchShape), m, n, k },
    a: operandAt(writer, a, matrix(shapeA, transpose_a && !rowless, rowless ? 'row' : undefined)),
    b: operandAt(writer, b, matrix(shapeB, transpose_b && !columnless, columnless ? 'column' : undefined)),
    result: node.outputs[0],
    resultAt: ([at, row, column]) => [
      ...delinearise(at!, batchShape),
      ...(rowless ? [] : [row!]),
      ...(columnless ? [] : [column!]),
    ],
  };
  return productTemplate(writer, product, profile);
}

function swapped(shape: Shape, turned: boolean): [Dim, Dim] {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
  return turned ? [columns, rows] : [rows, columns];
}
