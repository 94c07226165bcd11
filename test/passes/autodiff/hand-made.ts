/** What a gradient case made by hand is, and what its inputs are written with. */
import type { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { ValueId } from '../../../src/compiler/ir/graph.ts';
import { type Shape, symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';

export interface HandMadeCase {
  readonly name: string;
  readonly inputs: readonly { readonly name: string; readonly tensor: WideTensor; readonly shape: Shape }[];
  readonly build: (b: GraphBuilder, inputs: readonly ValueId[]) => readonly ValueId[];
  /** gradients of Σ output, by input, at points where the function is not smooth */
  readonly expected?: Readonly<Record<string, readonly number[]>>;
}

/** An input; `shape` says which axes are symbolic, by default none. */
export const given = (name: string, value: WideTensor, shape: Shape = value.shape) => ({ name, tensor: value, shape });
export const [B, T, S, P] = [symbol('B'), symbol('T'), symbol('S'), symbol('P')];
