/**
 * `mdl`: the command line. Each command is a module of its own, loaded when it is called, so that `mdl --help` and
 * small commands start quickly. Exit codes: 0 done, 1 the input is at fault, 2 the command line is.
 */
import { Command, CommanderError, Option } from 'commander';
import { WRITTEN_TARGETS } from '../targets/names.ts';
import { VERSION } from '../version.ts';
import { fromFolder } from '../workbench/folder/options.ts';
import { WEIGHTS_DTYPES } from './compile/options.ts';
import './closed-reader.ts';
import { checkGiven, collect, integer, number, positive, rate, watchRepeats, withNeeds } from './options.ts';
import { fail, outputOf } from './output.ts';
import { backend, cacheDtype, NEED_WEIGHTS, opset, withSettings, withWeights } from './program/common.ts';
import { addData } from './program/data.ts';
import { addTraining } from './program/training.ts';
import { addTools, type Run } from './tools.ts';

function program(): Command {
  const mdl = new Command('mdl')
    .description('compile model definitions (.mdl) to ONNX, and run them')
    .version(VERSION)
    .option('-q, --quiet', 'print results and errors only')
    .option('--json', 'print results and errors as JSON')
    .option('--no-color', 'no colours')
    .showHelpAfterError('(mdl --help, or mdl COMMAND --help)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      `
Examples:
  mdl check models/tinygpt-v.mdl
  mdl compile models/tinygpt-v.mdl --config nano --init 0 --out dist/nano
  mdl summary models/tinygpt-v.mdl --config full
  mdl explain E0302`,
    );

  const run: Run =
    (load, model = 0) =>
    async (...all: unknown[]): Promise<void> => {
      const command = all.at(-1) as Command;
      const output = outputOf(mdl.opts());
      const args = all.slice(0, -2).filter((argument) => argument !== undefined) as string[];
      try {
        checkGiven(command);
        const file = args[model];
        if (file !== undefined) fromFolder(command, file);
        await (await load()).default(output, args.flat(), command.opts() as never);
      } catch (error) {
        fail(output, error);
      }
    };

  withSettings(mdl.command('check <files...>'))
    .description('report every mistake of .mdl files')
    .addHelpText('after', '\nExample:\n  mdl check models/*.mdl --json')
    .action(run(() => import('./commands/check.ts')));

  withNeeds(withWeights(withSettings(mdl.command('compile <file>'))), {
    ...NEED_WEIGHTS,
    '--calibrate-batches': '--calibrate',
  })
    .description('compile a model to ONNX files and a manifest, to WebGPU, or to PyTorch')
    .addOption(new Option('--target <name>', 'what to compile to').choices(WRITTEN_TARGETS).default('onnx'))
    .option('--out <folder>', 'where to write', 'dist/model')
    .addOption(opset())
    .option('--contrib-ops', "operators of ONNX Runtime's own (MatMulNBits): products read quantised weights as stored")
    .option('--entry <name>', 'only this entry; repeatable', collect, [])
    .option('--swap-adapters', 'LoRA as inputs: a session swaps adapters without loading the model again')
    .addOption(
      new Option(
        '--weights-dtype <dtype>',
        'how matrices are stored: f16 (target webgpu; the default where the weights are), int8 or int4 (default: f32)',
      ).choices(WEIGHTS_DTYPES),
    )
    .addOption(cacheDtype())
    .option(
      '--calibrate <data>',
      'data, as for train, whose batches find the codes of method = "gptq" and judge quantised weights',
    )
    .option('--calibrate-batches <n>', 'batches that are looked at, at most 4096 (default: 8)', positive)
    .option('--quantise-report', 'say what quantising costs: errors of each matrix, of its products and of the loss')
    .option(
      '--shard-mb <n>',
      'MiB after which weights go on in another file, of onnx and webgpu (default: 1900)',
      positive,
    )
    .option('--stage <name>', 'compile what trains this stage too')
    .option('--print-after <pass>', 'print the graphs after this pass, of the compiler or of the target')
    .addHelpText(
      'after',
      `
Without --weights or --init the graphs are written without their numbers: small files for viewers and checks.

Examples:
  mdl compile models/tinygpt-v.mdl --config full --target onnx --out dist/full
  mdl compile models/tinygpt-v.mdl --weights checkpoint/ --opset 23 --merge-lora --out dist/full
  mdl compile models/tinygpt-v.mdl --config nano --init 0 --set qk_norm=false --out dist/nano
  mdl compile models/tinygpt-v.mdl --config nano --init 0 --target webgpu --out dist/nano-webgpu`,
    )
    .action(run(() => import('./commands/compile.ts')));

  withSettings(mdl.command('ir <file>'))
    .description('print the graph of an entry')
    .requiredOption('--entry <name>', 'the entry')
    .option('--print-after <pass>', 'after this pass (trace, fold, simplify, cse, dce, checks) instead of dce')
    .option('--merge-lora', 'fold adapters into the weights they adapt')
    .addHelpText('after', '\nExample:\n  mdl ir models/tinygpt-v.mdl --config nano --entry decode --print-after trace')
    .action(run(() => import('./commands/ir.ts')));

  withSettings(mdl.command('summary <file>'))
    .description('print the tree of modules with shapes and parameters, and what flags and stages change')
    .option('--depth <n>', 'levels of the tree to show', integer)
    .option('--keys', 'list every checkpoint key with its shape')
    .addOption(
      new Option(
        '--weights-dtype <dtype>',
        'say the bytes of each component with matrices stored so, beside what the file quantises',
      ).choices(['f32', 'int8', 'int4']),
    )
    .option('--stage <name>', 'instead: what this stage trains, and the bytes its backward part keeps')
    .option(
      '--dims <list>',
      "with --stage: sizes of the dynamic dims, B=16,T=48,N=16 (default: the stage's batch, T=64)",
    )
    .option('--merge-lora', 'fold adapters into the weights they adapt')
    .addHelpText(
      'after',
      '\nExamples:\n  mdl summary models/tinygpt-v.mdl --config full\n  mdl summary models/tinygpt-v.mdl --keys --json\n  mdl summary models/tinygpt-v.mdl --config nano --stage stage2 --dims B=16,T=48',
    )
    .action(run(() => import('./commands/summary.ts')));

  withSettings(mdl.command('diff <file> [other]'))
    .description(
      'what differs between two models, revisions, settings, compiled folders or ONNX files: values, parameters, keys, ops, FLOPs, memory, stages; exit code 1 if anything',
    )
    .option('--to-config <name>', 'config of the other side (default: --config)')
    .option('--to-set <name=value>', 'set a flag or config value on the other side; repeatable', collect, [])
    .option('--depth <n>', 'levels of modules that parameters, bytes and FLOPs are counted by', positive, 1)
    .option('--entry <name>', 'with an ONNX file on one side: the entry of the other that it is')
    .option('--summary', 'settings, parameters, how many keys and nodes, and totals of FLOPs and bytes')
    .option('--html <file>', 'write it as a page too')
    .addHelpText(
      'after',
      `
A file may be of a git revision: HEAD~1:models/tinygpt-v.mdl. Without OTHER the file is compared with itself under other settings.

Examples:
  mdl diff models/tinygpt-v.mdl --to-set qk_norm=false
  mdl diff HEAD~1:models/tinygpt-v.mdl models/tinygpt-v.mdl --config nano
  mdl diff models/tinygpt-v.mdl out/nano --config nano --html diff.html`,
    )
    .action(run(() => import('./commands/diff.ts')));

  withSettings(mdl.command('explain-plan <file>'))
    .description('print what an entry costs on WebGPU: kernels, sizes, FLOPs, bytes, memory')
    .option('--entry <name>', 'the entry (default: decode, or the first; with --stage gradient)')
    .option('--stage <name>', 'what training this stage costs: the entries gradient, update and accumulate')
    .option('--at <list>', 'sizes of the dynamic dims: B=1,T=1,P=128')
    .addOption(
      new Option(
        '--profile <name>',
        "kernels for which adapters (default: gpu; with --measure the adapter's own)",
      ).choices(['gpu', 'software']),
    )
    .addOption(
      new Option(
        '--why <node>',
        'why kernels end where they do: those that compute a module (its path), a line (FILE.mdl:LINE) or an op',
      ).conflicts(['at', 'profile', 'measure']),
    )
    .addOption(
      new Option('--memory', 'bytes on the device of all entries, or of --entry, before anything is loaded').conflicts([
        'why',
        'measure',
      ]),
    )
    .addOption(
      new Option('--target <name>', 'with --memory: a WebGPU device, or sessions of ONNX Runtime')
        .choices(['webgpu', 'onnx'])
        .default('webgpu'),
    )
    .option('--contrib-ops', 'of --target onnx: as for compile')
    .option('--measure', "time each kernel on this machine's adapter, beside what the adapter can do at most")
    .addOption(new Option('--weights-dtype <dtype>', 'how matrices are stored').choices(WEIGHTS_DTYPES).default('f32'))
    .addOption(cacheDtype())
    .option('--merge-lora', 'fold adapters into the weights they adapt')
    .addHelpText(
      'after',
      '\nExamples:\n  mdl explain-plan models/tinygpt-v.mdl --config full --entry decode --at B=1,T=1,P=512\n  mdl explain-plan models/tinygpt-v.mdl --config nano --why llama_model.base_model.model.model.layers.0.mlp',
    )
    .action(run(() => import('./commands/explain-plan.ts')));

  withNeeds(withSettings(mdl.command('weights <files...>')), {
    '--tolerance': '--diff',
    ...Object.fromEntries(
      ['--config', '--config-file', '--set', '--recipe', '--quantise'].map((name) => [name, '--layout']),
    ),
  })
    .description('list the tensors of weights in any format that is read, compare two, or see how a model reads them')
    .addOption(new Option('--no-norms', 'only what headers say: read no numbers').conflicts('diff'))
    .addOption(
      new Option(
        '--layout <model>',
        'how the files are read as this model: by which layout, where each key goes, what is left over or missing',
      ).conflicts(['diff', 'norms']),
    )
    .option('--diff', 'compare two: keys, shapes, numbers; exit code 1 where they differ')
    .option('--tolerance <error>', 'with --diff: relative error of a tensor that is no difference (default: 0)', rate)
    .addHelpText(
      'after',
      '\nExamples:\n  mdl weights pytorch_model.bin\n  mdl weights checkpoint.pth#model --json\n  mdl weights a.safetensors b.gguf --diff --tolerance 0.01\n  mdl weights phi-2/ eva_vit_g.pth --layout models/tinygpt-v.mdl',
    )
    .action(run(() => import('./commands/weights.ts')));

  withNeeds(withWeights(withSettings(mdl.command('export <file>'))), NEED_WEIGHTS)
    .description(
      "write a model's weights as a released checkpoint has them: one safetensors file, or a folder of transformers",
    )
    .option('--layout <name>', "a layout of the model's files (default: the model's own keys)")
    .requiredOption(
      '--out <path>',
      'the safetensors file; of a folder of transformers another folder, which transformers loads',
    )
    .addHelpText(
      'after',
      '\nExample:\n  mdl export models/tinygpt-v.mdl --weights runs/first/model.safetensors --layout phi2 --out phi-2.safetensors\n  mdl export SmolLM2-135M/ --adapter adapters/mine --merge-lora --out tuned/',
    )
    .action(run(() => import('./commands/export.ts')));

  mdl
    .command('import <model>')
    .description('write an ONNX file, or a folder of transformers, as an .mdl file, to edit')
    .requiredOption('--out <file>', 'the .mdl file; the weights of an ONNX file go beside it')
    .option('--recipe <name>', 'of a folder: how the model meets data')
    .option('--lora <sizes>', 'of a folder: LoRA on attention and MLP, r=8,alpha=16,dropout=0.05,targets=q_proj,v_proj')
    .option(
      '--dim <name=size>',
      'a size of an ONNX file that is dynamic, or the name of one that it is equal to',
      collect,
    )
    .option('--input <name=number>', 'an input of an ONNX file that becomes a constant', collect)
    .option('--parameter <name>', 'a tensor of rank 0 of an ONNX file that trains, in place of a number', collect)
    .option('--positions <n>', 'write rotary embeddings of an ONNX file as rotary(…), for so many positions', positive)
    .option('--force', 'write over files that are there')
    .addHelpText(
      'after',
      '\nExamples:\n  mdl import SmolLM2-135M --out my.mdl\n  mdl import model.onnx --dim height=48 --out model.mdl',
    )
    .action(run(() => import('./commands/import.ts')));

  mdl
    .command('explain [words...]')
    .description(
      'explain a message (E0302) or a function or module of the language, find messages that are about something, or list all',
    )
    .addHelpText('after', '\nExamples:\n  mdl explain E0302\n  mdl explain LayerNorm\n  mdl explain rank mismatch')
    .action(run(() => import('./commands/explain.ts')));

  withNeeds(withWeights(withSettings(mdl.command('run <file>'))), NEED_WEIGHTS)
    .description('run an entry on tensors, pictures or texts')
    .requiredOption('--entry <name>', 'the entry')
    .option('--inputs <file>', 'safetensors with the inputs by name; integers I32 or I64')
    .option(
      '--input <name=file>',
      'one input: a tensor, numbers in .json, a picture or a text that the recipe reads; repeatable',
      collect,
      [],
    )
    .option('--outputs <file>', 'safetensors to write the outputs to, by name')
    .option('--print', 'print numbers too: small outputs whole, of larger ones a summary and the first elements')
    .option('--tokenizer <file>', 'tokenizer.json for texts of --input (default: the one beside the model)')
    .option('--tap <path>', "also write a module's output or a let by its path; repeatable", collect, [])
    .option('--grads <file>', "safetensors to write gradients of the entry's loss to, by checkpoint key")
    .option('--stage <name>', 'with --grads: of what this stage trains; `all`: of every parameter')
    .option('--profile <file>', 'with --backend webgpu: time each kernel; a table, and a trace for chrome://tracing')
    .addOption(backend())
    .addOption(opset())
    .addHelpText(
      'after',
      `
Absent past_key_values.* have length 0.

Examples:
  mdl run model.mdl --entry classify --weights model.safetensors --input pixel_values=cat.png --print
  mdl run models/tinygpt-v.mdl --entry encode_image --weights w.safetensors --inputs in.safetensors --outputs out.safetensors \\
    --tap visual_encoder.blocks.0 --tap ln_vision`,
    )
    .action(run(() => import('./commands/run.ts')));

  addTraining(mdl, run);
  addData(mdl, run);

  withNeeds(withWeights(withSettings(mdl.command('generate <file>'))), NEED_WEIGHTS)
    .description('answer a prompt; FILE is a .mdl file, a folder of transformers or a compiled folder')
    .requiredOption('--prompt <text>', 'the prompt; <ImageHere> marks an image (default: before the text)')
    .option('--image <file>', 'PNG, JPEG or WebP; repeatable', collect, [])
    .option('--no-exif-orientation', 'leave photographs as they are stored, whatever their EXIF orientation says')
    .option('--max-pixels <n>', 'images of more pixels are refused (default: 2^26)', integer)
    .option('--system <text>', 'what a chat model is told before the prompt')
    .option('--raw', 'give a chat model the prompt as it stands, without its chat template')
    .option('--template <name>', 'prompt template (default: that of the weights’ last stage, else of the config)')
    .option('--end <text>', 'text that ends the answer (default: that of the weights’ last stage, else of the config)')
    .option('--tokenizer <file>', 'tokenizer.json (default: the one beside the model, or the nano vocabulary)')
    .option('--max-new-tokens <n>', 'tokens at most', integer, 40)
    .option('--min-new-tokens <n>', 'tokens at least', integer, 0)
    .option('--temperature <t>', 'sample with this temperature (0: greedy)', number, 0)
    .option('--top-p <p>', 'sample from the smallest set with this probability', number)
    .option('--top-k <k>', 'sample from the k likeliest', integer)
    .option('--repetition-penalty <p>', 'above 1 makes repetition less likely', number, 1)
    .option('--num-beams <n>', 'beam search', integer, 1)
    .option('--seed <n>', 'seed of sampling (default: 0)', integer)
    .option('--prefill-chunk <n>', 'tokens of a prompt that run at once, for less memory (default: all)', positive)
    .option('--ids', 'print token ids too')
    .addOption(backend())
    .addOption(opset())
    .addHelpText(
      'after',
      '\nExample:\n  mdl generate models/tinygpt-v.mdl --config nano --init 0 --image cat.png --prompt "what is this?"',
    )
    .action(run(() => import('./commands/generate.ts')));

  mdl
    .command('demo')
    .description('compile TinyGPT-V, train its nano version through the four stages, ask it about unseen pictures')
    .option('--out <folder>', 'where to write', 'out/demo')
    .addHelpText('after', '\nExample:\n  mdl demo --out out/demo')
    .action(run(() => import('./commands/demo.ts')));
  addTools(mdl, run);
  watchRepeats(mdl);
  return mdl;
}

/** Commander has printed its message already; bad usage exits with 2. */
try {
  await program().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
