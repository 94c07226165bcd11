/** Faults of backward clauses. */
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'two calls of one body with a clause are merged, and share the gradient of one',
    file: 'src/compiler/elaborate/backward.ts',
    find: 'const call = builder.nodeCount;',
    replace: 'const call = 0;',
    test: 'test/language/backward.test.ts',
    fails: 'of two equal calls gets the gradient of each',
  },
  {
    fault: 'a clause folds to the zeros that stand for its upstream gradient',
    file: 'src/compiler/passes/fold.ts',
    find: 'const results = folded < MOST && !placeholder &&',
    replace: 'const results = folded < MOST && placeholder !== null &&',
    test: 'test/language/backward.test.ts',
    fails: 'stays as it is through the passes before differentiation',
  },
  {
    fault: 'a param that a body reads and its clause leaves out never trains, and nothing says so',
    file: 'src/compiler/elaborate/backward.ts',
    find: 'checkCaptured(e, callee, open, y);',
    replace: '',
    test: 'test/language/backward.test.ts',
    fails: 'a param that the body reads and the clause leaves out',
  },
  {
    fault: 'a graph of inference keeps what only differentiation reads',
    file: 'src/compiler/passes/written-gradients.ts',
    find: "if (node.op === 'with_gradient') rewriter.replace",
    replace: 'if (node.op === undefined) rewriter.replace',
    test: 'test/language/backward.test.ts',
    fails: 'leaves no trace in a graph of inference',
  },
];
