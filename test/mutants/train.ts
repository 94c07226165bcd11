/** Training, its data and its command line. */
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "a stage's tasks are read out of its name",
    file: 'src/compiler/cli/training/data.ts',
    find: '...wordingOf(model, stage.options, set, stageSays(stage.name)),',
    replace:
      "...wordingOf(model, { ...stage.options, tasks: stage.name.endsWith('4') ? 'multitask' : 'captions' }, set, stageSays(stage.name)),",
    test: 'test/training/wording.test.ts',
    fails: 'stage4 by another name gives the same bytes',
  },
  {
    fault: 'a clause that is given twice counts as it was given last',
    file: 'src/compiler/elaborate/stages.ts',
    find: '  onlyOnce(e, stage.clauses);\n',
    replace: '',
    test: 'test/language/stages.test.ts',
    fails: 'batch 1  batch 2',
  },
  {
    fault: 'of two --weights the last is used without a word',
    file: 'src/compiler/cli/options.ts',
    find: "  if (twice?.long) throw cliError('C0311', { option: twice.long });\n",
    replace: '  void twice;\n',
    test: 'test/cli/options.test.ts',
    fails: 'commands without weights, and the options of a command itself',
  },
  {
    fault: 'settings of PEFT that nobody knows are applied as plain LoRA',
    file: 'src/runtime/peft-config.ts',
    find: '  return Object.hasOwn(HARMLESS, key) || (HONOURED as readonly string[]).includes(key);',
    replace: "  return !['use_dora', 'rank_pattern', 'alpha_pattern'].includes(key);",
    test: 'test/runtime/peft-config.test.ts',
    fails: 'alora_invocation_tokens = [50256] is refused by its name',
  },
  {
    fault: 'half of a pair of LoRA matrices is taken for a module that is not adapted',
    file: 'src/runtime/peft-config.ts',
    find: 'missing: wanted.filter((key) => !stored.has(key) && there.has(moduleOf(key))),',
    replace: 'missing: [],',
    test: 'test/runtime/peft-config.test.ts',
    fails: 'a module has both halves or none',
  },
  {
    fault: 'a flag that adds tensors which nothing trains is compared without a word',
    file: 'src/compiler/cli/ablation/preflight.ts',
    find: '    if (keys.length === 0) return [];',
    replace: '    if (keys.length >= 0) return [];',
    test: 'test/training/untrained.test.ts',
    fails: 'ablate says that a flag adds what nothing trains',
  },
  {
    fault: 'ablate exits with 0 when a variant failed',
    file: 'src/compiler/cli/commands/ablate.ts',
    find: 'process.exitCode = FAILED;',
    replace: 'process.exitCode = 0;',
    test: 'test/training/untrained.test.ts',
    fails: 'ablate exits with 1 when a variant failed',
  },
];
