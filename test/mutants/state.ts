/** What training updates and how: weight decay, accumulation, state that a step reads and writes. */
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'weight decay skips every key with bias, ln or bn in it: kiln.weight never decays',
    file: 'src/compiler/training/plan.ts',
    find: 'return parameter.shape.length >= 2 && !noDecay.has(parameter);',
    replace: 'return parameter.shape.length >= 2 && !noDecay.has(parameter) && !/bias|ln|bn/.test(parameter.keys[0]);',
    test: 'test/training/decay.test.ts',
    fails: 'is every tensor of rank 2 and up, whatever its name',
  },
];
