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
  {
    fault: 'accumulated micro-batches count the same, however many labels each has: a mean of means',
    file: 'src/runtime/train/gradient.ts',
    find: "const weight = combine === 'weighted' ? first(results[PORTS.weight]) : 1;",
    replace: 'const weight = 1;',
    test: 'test/training/accumulate.test.ts',
    fails: "reference > 'cross_entropy' over '2 + 2' rows, average of 'samples'",
  },
  {
    fault: 'the first of several micro-batches is summed without its weight',
    file: 'src/runtime/train/gradient.ts',
    find: '[PORTS.sumWeight]: scalar(sum.first),',
    replace: '[PORTS.sumWeight]: scalar(1),',
    test: 'test/training/accumulate.test.ts',
    fails: "reference > 'mean' over '3 + 1 + 2' rows, average of 'samples'",
  },
  {
    fault: 'a loss that adds a mean over rows to a mean over labels is weighed by labels alone',
    file: 'src/compiler/training/combine.ts',
    find: 'if (first.over !== other.over)',
    replace: 'if (first.over !== other.over && first.kind !== other.kind)',
    test: 'test/training/accumulate.test.ts',
    fails: 'has no weight: adds a mean over B elements to a mean over labels that count',
  },
];
