/** Faults of the language's front end: parsing, settings, elaboration and what they say. */
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'recovery from an error below 55 open brackets exhausts the stack',
    file: 'grammar/recovery.ts',
    find: 'const INNERMOST = 32;',
    replace: 'const INNERMOST = 1e9;',
    test: 'test/diagnostics/recovery.test.ts',
    fails: 'an error at the bottom of what may nest > parentheses',
  },
];
