/**
 * A gradient that is written and not derived: the `backward` clause of a body. Both ops are gone from what a target gets:
 * differentiation puts the gradient of the result in the place of upstream_gradient, and passes/written-gradients.ts takes out
 * what is left.
 *
 *   %y = …                                    the body
 *   %g = upstream_gradient(call = 7)          what flows back to the result
 *   %d = … %g …                               the clause
 *   %r = with_gradient(%y, %x, %d, call = 7)  what the body's caller reads
 */
import { equalShapes, type Shape } from '../../shared/dim.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { Op, Operand } from './declare.ts';
import { expectDType, F32, printType } from './rules.ts';
import { type Family, TypeRuleError } from './spec.ts';
import { staticShape, wide } from './strided.ts';

export interface CustomGradientOps {
  /** No inputs: stands for dL/d(result) of the with_gradient of this call, where differentiation puts it; zeros until then. */
  upstream_gradient: Op<readonly [], { readonly call: number; readonly shape: Shape }>;
  /**
   * (y, x₁ … xₙ, dx₁ … dxₙ) → y, whose gradient goes back to each xᵢ as dxᵢ says, and nowhere else. The dxᵢ are computed
   * from upstream_gradient of this call. estimator: dxᵢ is not meant to be the derivative of y.
   */
  with_gradient: Op<readonly [y: Operand, ...pairs: Operand[]], { readonly call: number; readonly estimator: boolean }>;
}

export const CUSTOM_GRADIENTS: Family<CustomGradientOps> = {
  upstream_gradient: {
    name: 'upstream_gradient',
    doc: 'The gradient of the result of the with_gradient of the same call, which differentiation puts here; zeros until then.',
    operands: [],
    traits: { placeholder: true },
    infer: (_, { shape }) => [{ dtype: 'f32', shape }],
    evaluate(_, { shape }) {
      const target = staticShape(shape);
      return [wide('f32', target, new Float64Array(sizeOf(target)))];
    },
  },
  with_gradient: {
    name: 'with_gradient',
    doc: 'y (f32), whose gradient goes back to each x as the dx in its place says and nowhere else: operands are y, then every x, then every dx.',
    operands: [{ name: 'y' }, { name: 'x and dx', variadic: true }],
    traits: {},
    infer(inputs) {
      const y = expectDType('with_gradient', inputs, 0, 'y', F32);
      const count = (inputs.length - 1) / 2;
      if (!Number.isInteger(count))
        throw new TypeRuleError(`with_gradient takes a dx for every x and got ${inputs.length - 1} operands beside y`);
      for (let index = 1; index <= count; index++) {
        const x = expectDType('with_gradient', inputs, index, 'x', F32);
        const dx = expectDType('with_gradient', inputs, index + count, 'dx', F32);
        if (!equalShapes(x.shape, dx.shape)) {
          throw new TypeRuleError(
            `with_gradient takes a dx of the shape of x, and they are ${printType(dx)} and ${printType(x)}`,
            [
              { operand: index, label: `x is ${printType(x)}` },
              { operand: index + count, label: `dx is ${printType(dx)}` },
            ],
          );
        }
      }
      return [y];
    },
    evaluate: ([y]) => [y],
  },
};
