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
  {
    fault: 'BatchNorm2d trains by its running statistics and never changes them',
    file: 'src/runtime/train/gradient.ts',
    find: 'buffers = new Map(plan.buffers.map(({ key }) => [key, results[PORTS.updated(key)]!]));',
    replace: 'buffers = new Map(before);',
    test: 'test/training/state.test.ts',
    fails: 'on reference > accumulate 1, trains conv bn head',
  },
  {
    fault: 'each micro-batch updates the running statistics of the step before, so that only the last one counts',
    file: 'src/runtime/train/gradient.ts',
    find: 'feeds = gradientFeeds(state, buffers, options, batch.feeds, index);',
    replace:
      'feeds = gradientFeeds(state, new Map(plan.buffers.map(({ key }) => [key, state.parameters.get(key)!])), options, batch.feeds, index);',
    test: 'test/training/state.test.ts',
    fails: 'on reference > accumulate 2, trains conv bn head',
  },
  {
    fault: 'a module that a stage evaluates updates its running statistics all the same',
    file: 'src/compiler/elaborate/trace.ts',
    find: 'return training !== undefined && !training.evaluates(path);',
    replace: 'return training !== undefined;',
    test: 'test/training/state.test.ts',
    fails: 'on reference > accumulate 1, trains head conv, eval bn',
  },
  {
    fault: 'a gradient goes through stop_gradient',
    file: 'src/compiler/passes/autodiff/index.ts',
    find: "if (op === 'stop_gradient' || !inputs",
    replace: 'if (op === undefined || !inputs',
    test: 'test/training/state.test.ts',
    fails: 'on reference > a codebook, an average of weights and a count follow their formulas',
  },
  {
    fault: 'an update that is read again in the same graph is not seen there',
    file: 'src/compiler/elaborate/tracer.ts',
    find: 'if (updated) return updated.read;',
    replace: 'if (updated && !parameter.buffer) return updated.read;',
    test: 'test/training/state.test.ts',
    fails: 'on reference > a codebook, an average of weights and a count follow their formulas',
  },
];
