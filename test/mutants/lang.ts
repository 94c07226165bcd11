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
  {
    fault: 'a resizing to 20,000,000 rows occupies the compiler for a minute and 2.6 GB',
    file: 'src/compiler/elaborate/effort.ts',
    find: 'if (total > MAX_TABLE_ELEMENTS) {',
    replace: 'if (total > Number.MAX_VALUE) {',
    test: 'test/diagnostics/limits.test.ts',
    fails: 'tables that a target would compute > the other axis',
  },
  {
    fault: 'a negative dimension of an entry ends as an internal error',
    file: 'src/compiler/elaborate/signature.ts',
    find: 'if (isSymbolic(declared) || (declared >= 0 && Number.isSafeInteger(declared))) return declared;',
    replace: 'if (this.evaluator) return declared;',
    test: 'test/diagnostics/limits.test.ts',
    fails: 'dimensions > negative by arithmetic',
  },
  {
    fault: 'an error inside std points at std.mdl and never at the line of the user',
    file: 'src/compiler/elaborate/call-stack.ts',
    find: 'this.frames.findLast(({ at }) => !inStd(at))',
    replace: 'this.frames.findLast(({ at }) => at.start < 0)',
    test: 'test/diagnostics/library-errors.test.ts',
    fails: 'a size that no parameter may have',
  },
  {
    fault: 'of a when inside a when only the outer condition guards the identity',
    file: 'src/compiler/elaborate/instantiate.ts',
    find: 'conditions: [...(value.conditions ?? []), guardOf(condition)]',
    replace: 'conditions: [guardOf(condition)]',
    test: 'test/language/conditions.test.ts',
    fails: 'a when inside a when > keeps both conditions',
  },
  {
    fault: '`rows and items[3] == 1` is evaluated past a false `rows`',
    file: 'src/compiler/elaborate/instantiate.ts',
    find: '? this.evaluator.quietly(() => this.decided(condition.right, scope))',
    replace: '? this.decided(condition.right, scope)',
    test: 'test/language/conditions.test.ts',
    fails: 'of a submodule: and is not asked',
  },
  {
    fault: 'a config field with the name of a flag is shadowed without a word',
    file: 'src/compiler/elaborate/settings.ts',
    find: "if (record.path === '' && value.kind !== 'fields' && this.flags.has(name.text)) {",
    replace: "if (record.path === '' && value.kind === 'bool' && this.flags.has(name.text)) {",
    test: 'test/diagnostics/settings.test.ts',
    fails: 'is an error where the field is',
  },
  {
    fault: 'a wrong destructuring in a loop hides the errors after it',
    file: 'src/compiler/elaborate/tracer.ts',
    find: '            e.attempt(() => e.destructure(statement.names, item, inner, statement.over.span));',
    replace: '            e.destructure(statement.names, item, inner, statement.over.span);',
    test: 'test/diagnostics/poison.test.ts',
    fails: 'a wrong destructuring in a loop',
  },
];
