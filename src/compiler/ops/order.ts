/** Ops that say when and how often something is computed, not what. */
import type { Family } from './rules.ts';
import { expectDType, F32, NUMBERS } from './rules.ts';

export const ORDER: Family<'barrier'> = {
  barrier: {
    name: 'barrier',
    doc: 'x (f32 or i64), and not before `after` is there: what reads the result is no common subexpression with what reads x.',
    operands: [{ name: 'x' }, { name: 'after' }],
    traits: {},
    infer(inputs) {
      expectDType('barrier', inputs, 1, 'after', F32);
      return [expectDType('barrier', inputs, 0, 'x', NUMBERS)];
    },
    evaluate: ([x]) => [x!],
  },
};
