/** Ops that are their operand: they say when and how often something is computed, and what has a gradient. */
import type { Op, Operand, Unary } from './declare.ts';
import { expectDType, F32, NUMBERS } from './rules.ts';
import type { Family } from './spec.ts';

export interface OrderOps {
  /** (x, after) → x, computed again by whatever reads it, and not before `after`: see passes/autodiff/recompute.ts */
  barrier: Op<readonly [x: Operand, after: Operand]>;
  /** x, through which no gradient goes back */
  stop_gradient: Op<Unary>;
}

export const ORDER: Family<OrderOps> = {
  barrier: {
    name: 'barrier',
    doc: 'x (f32 or i64), and not before `after` is there: what reads the result is no common subexpression with what reads x.',
    operands: [{ name: 'x' }, { name: 'after' }],
    traits: {},
    integers: (_, [x]) => x,
    infer(inputs) {
      expectDType('barrier', inputs, 1, 'after', F32);
      return [expectDType('barrier', inputs, 0, 'x', NUMBERS)];
    },
    evaluate: ([x]) => [x],
  },
  stop_gradient: {
    name: 'stop_gradient',
    doc: 'x (f32), through which no gradient goes back.',
    operands: [{ name: 'x' }],
    traits: {},
    infer: (inputs) => [expectDType('stop_gradient', inputs, 0, 'x', F32)],
    evaluate: ([x]) => [x],
  },
};
