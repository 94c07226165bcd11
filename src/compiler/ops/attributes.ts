/**
 * The operators of the IR: the one list that every total table is typed by. An op is declared in its family's file, beside
 * its record. Declaring one makes the compiler name each table that lacks it: the record, the lowerings of the targets,
 * the gradient, the kernel.
 */
import type { Dim } from '../../shared/dim.ts';
import type { ArithmeticOps } from './arithmetic.ts';
import type { AttentionOps } from './attention.ts';
import type { AttentionGradientOps } from './attention-gradients.ts';
import type { ContractionOps } from './contraction.ts';
import type { ConvolutionOps } from './convolution.ts';
import type { ConvolutionGradientOps } from './convolution-gradients.ts';
import type { CustomGradientOps } from './custom-gradients.ts';
import type { Operand, OperandsOf } from './declare.ts';
import type { RealFunctions } from './functions.ts';
import type { FunctionsOfTwo } from './functions-of-two.ts';
import type { GatherOps } from './gather.ts';
import type { LossOps } from './loss.ts';
import type { NormalisationOps } from './normalisation.ts';
import type { OrderOps } from './order.ts';
import type { PieceOps } from './pieces.ts';
import type { PointwiseOps } from './pointwise.ts';
import type { RandomOps } from './random.ts';
import type { ReductionOps } from './reductions.ts';
import type { ResampleOps } from './resample.ts';
import type { SelectionOps } from './selection.ts';
import type { ShapeOps } from './shape.ts';
import type { SourceOps } from './sources.ts';

/** The declaration of every op, by name. */
export interface OpTable
  extends RealFunctions,
    FunctionsOfTwo,
    PointwiseOps,
    ArithmeticOps,
    ReductionOps,
    SelectionOps,
    NormalisationOps,
    ShapeOps,
    PieceOps,
    SourceOps,
    RandomOps,
    GatherOps,
    ContractionOps,
    ConvolutionOps,
    ResampleOps,
    AttentionOps,
    LossOps,
    ConvolutionGradientOps,
    AttentionGradientOps,
    OrderOps,
    CustomGradientOps {}

export type OpName = keyof OpTable;

/** The ops that take these operands: `OpsOf<Unary>`. */
export type OpsOf<O extends readonly Operand[]> = {
  [N in OpName]: OpTable[N]['operands'] extends O ? N : never;
}[OpName];

export type OpAttributes = { readonly [N in OpName]: OpTable[N]['attributes'] };

/** The operands of an op, each of them a T: `Operands<'linear', ValueId>` is [x, weight, bias?] of value ids. */
export type Operands<N extends OpName, T> = OperandsOf<OpTable[N], T>;

export type AttributeValue = string | number | boolean | null | Dim | readonly (Dim | number)[];
