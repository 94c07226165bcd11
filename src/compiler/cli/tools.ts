/** Commands that run no model: init, and those for editors and shells, fmt, lsp, watch, doctor, completions. */
import { Argument, type Command, Option } from 'commander';
import { printCompletions, SHELLS } from './completions.ts';
import { KINDS } from './init/kinds.ts';
import type { Output } from './output.ts';
import { withSettings, withWeights } from './program/common.ts';

export type Action = (output: Output, args: readonly string[], options: never) => Promise<void>;

/** Makes the action of a command of its module, which is loaded when the command is called. @param model which argument is the model */
export type Run = (load: () => Promise<{ default: Action }>, model?: number) => (...all: unknown[]) => Promise<void>;

export function addTools(mdl: Command, run: Run): void {
  mdl
    .command('init')
    .description('write a small project of your own: a model, data, and the commands to train and ask it')
    .addArgument(new Argument('<kind>', 'what the model is for').choices(KINDS))
    .argument('<folder>', 'a new or empty folder')
    .addHelpText('after', '\nExamples:\n  mdl init text my-model\n  mdl init vision-language my-model')
    .action(run(() => import('./commands/init.ts')));

  mdl
    .command('fmt <paths...>')
    .description('write .mdl files in the one layout there is; - is standard input, a folder all files in it')
    .option('--check', 'write nothing: name the files that are not formatted, exit code 1 if there are any')
    .option('--diff', 'write nothing: print what would change, exit code 1 if anything does')
    .addHelpText('after', '\nExamples:\n  mdl fmt models\n  mdl fmt --check .\n  mdl fmt - < draft.mdl')
    .action(run(() => import('./commands/fmt.ts')));

  mdl
    .command('lsp')
    .description('the language server, for editors: messages on standard input and output')
    .option('--stdio', 'the only transport there is; accepted since editors give it')
    .addHelpText('after', '\nExample:\n  mdl lsp --stdio')
    .action(run(() => import('./commands/lsp.ts')));

  withSettings(mdl.command('view <file>'))
    .description('write a model as one HTML page: its tree, its graphs, memory and FLOPs by component')
    .option('--out <file>', 'the page', 'view.html')
    .addHelpText(
      'after',
      `
FILE is an .mdl file, a folder compiled for onnx, or an ONNX file of any exporter.

Examples:
  mdl view models/tinygpt-v.mdl --config nano --out nano.html
  mdl view model.onnx`,
    )
    .action(run(() => import('./commands/view.ts')));

  withSettings(mdl.command('watch <files...>'))
    .description('check files again whenever they, or what they import, change')
    .addHelpText('after', '\nExample:\n  mdl watch models/tinygpt-v.mdl --config nano')
    .action(run(() => import('./commands/watch.ts')));

  withWeights(withSettings(mdl.command('doctor [model]')))
    .description(
      'say what this machine has, judge its kernels, and name the first module of a model whose numbers are off',
    )
    .addOption(new Option('--backend <name>', 'judge only this one').choices(['onnx', 'webgpu']))
    .option('--entry <name>', 'only this entry of the model')
    .option('--inputs <file>', 'safetensors with the inputs of the entry, in place of made-up numbers')
    .addHelpText('after', '\nExamples:\n  mdl doctor\n  mdl doctor models/tinygpt-v.mdl --config nano')
    .action(run(() => import('./commands/doctor.ts')));

  mdl
    .command('completions')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', '\nExample:\n  mdl completions bash >> ~/.bashrc')
    .action(run(async () => ({ default: printCompletions(mdl) })));
}
