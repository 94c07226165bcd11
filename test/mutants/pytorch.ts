/** Faults of models that are written for PyTorch. */
import type { Mutant } from './mutant.ts';

const test = 'test/backends/pytorch/model.test.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'one method serves two calls that read different parameters',
    file: 'src/compiler/backends/pytorch/equal.ts',
    find: 'return keysB.get(b) === key;',
    replace: 'return keysB.get(b) !== undefined;',
    test,
    fails: 'a method for each set of parameters',
  },
  {
    fault: 'a call of a body that was written before is one of the first method of its name',
    file: 'src/compiler/backends/pytorch/program.ts',
    find: '.find(({ runs }) => runs.has(run))!',
    replace: '[0]!',
    test,
    fails: 'calls the method that has the body of the call',
  },
  {
    fault: 'calls that drop at different rates become one',
    file: 'src/compiler/backends/pytorch/equal.ts',
    find: 'asked(a.effect) === asked(b.effect)',
    replace: 'a.effect.kind === b.effect.kind',
    test,
    fails: 'drops each call at its own rate',
  },
  {
    fault: 'a stride that is a list is left out of a layer of torch',
    file: 'src/compiler/backends/pytorch/layers.ts',
    find: 'return text === usual ? []',
    replace: 'return text === usual || text.startsWith("(") ? []',
    test,
    fails: "gives torch's layers sizes that are lists",
  },
  {
    fault: 'Python divides two sizes, and raises for a zero',
    file: 'src/compiler/backends/pytorch/lowerings/pointwise.ts',
    find: 'isNonzero(c.inputs[1]) ? c.inputs',
    replace: 'c.inputs[1].number ? c.inputs',
    test,
    fails: 'divides and raises numbers of sizes as tensors',
  },
];
