/**
 * `npm run small [-- FOLDER]`: measures TinyGPT-V at full size with quantised weights, and the loss of the trained nano model with each
 * storage, keeps the numbers in scripts/small/measured.json, and writes docs/small.md from them. It writes 2.1 and 4.1 GB of weights
 * to FOLDER (out/small by default) where they are not there yet, and takes an hour on two cores. `-- --page` only writes the page.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { mdl, node, ROOT } from '../bench/support.ts';
import { type Accuracy, type FullSize, type Measured, type Run, smallPage } from './small/page.ts';

const FILE = join(ROOT, 'scripts/small/measured.json');
const PAGE = join(ROOT, 'docs/small.md');
const MODEL = 'models/tinygpt-v.mdl';
const ENTRIES = ['encode_image', 'embed_tokens', 'decode'];
const TOKENS = 40;

const [argument = 'out/small'] = process.argv.slice(2);
if (argument !== '--page') {
  const measured: Measured = {
    machine: `${cpus()[0]!.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    date: new Date().toISOString().slice(0, 10),
    tokens: TOKENS,
    full: [await fullSize('int4', argument), await fullSize('int8', argument)],
    accuracy: await accuracies(),
  };
  writeFileSync(FILE, `${JSON.stringify(measured, null, 1)}\n`);
}
writeFileSync(PAGE, smallPage(JSON.parse(readFileSync(FILE, 'utf8')) as Measured));

async function fullSize(storage: FullSize['storage'], folder: string): Promise<FullSize> {
  const out = join(folder, storage);
  const model = [MODEL, '--config', 'full', '--weights-dtype', storage];
  const written = existsSync(join(out, 'manifest.json'))
    ? undefined
    : await mdl(
        ...['compile', ...model, '--init', '0', '--contrib-ops', '--opset', '23', '--out', out],
        ...ENTRIES.flatMap((entry) => ['--entry', entry]),
      );
  const { targets } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
  const files: readonly string[] = targets.onnx.weights.map(({ file }: { file: string }) => file);
  const run = JSON.parse((await node('bench/small-run.mjs', out, String(TOKENS))).stdout) as Run;
  // 32 positions of the picture and what was said
  const at = ['--at', `P=${32 + TOKENS - 1}`];
  const memory = async (...more: readonly string[]) =>
    JSON.parse((await mdl('explain-plan', ...model, '--memory', '--json', ...at, ...more)).stdout);
  const [plan, sessions] = [await memory(), await memory('--target', 'onnx', '--contrib-ops')];
  return {
    storage,
    ...(written ? { writing: { seconds: written.seconds, megabytes: written.megabytes } } : {}),
    weights: files.reduce((sum, file) => sum + statSync(join(out, file)).size, 0),
    read: statSync(join(out, files.find((file) => file.includes('decoder'))!)).size,
    run,
    session: sessions.process + sumOf(sessions.entries, ['weights', 'caches', 'ports']),
    plan: {
      // entries share weights and constants
      peak: plan.weights + plan.constants + sumOf(plan.entries, ['caches', 'scratch', 'ports']),
      largest: plan.largest.bytes,
    },
  };
}

type Entry = { readonly entry: string } & Readonly<Record<string, number>>;

/** Bytes of the entries that were compiled. */
const sumOf = (entries: readonly Entry[], parts: readonly string[]): number =>
  entries
    .filter(({ entry }) => ENTRIES.includes(entry))
    .reduce((sum, one) => parts.reduce((all, part) => all + one[part]!, sum), 0);

/** The mean loss of batches of the demo's data, with each storage of the matrices that `--weights-dtype int4` would have as int4. */
async function accuracies(): Promise<readonly Accuracy[]> {
  const report = async (...more: readonly string[]) => {
    const { stdout } = await mdl(
      ...[
        'compile',
        MODEL,
        '--config',
        'nano',
        '--set',
        'lora=false',
        '--weights',
        'models/nano-pretrained.safetensors',
      ],
      ...['--opset', '23', '--out', 'out/small/nano', '--json', '--quantise-report', '--calibrate', 'emoji', ...more],
    );
    return JSON.parse(stdout).quantise_report;
  };
  const rowOf = (what: string, { matrices, loss }: Awaited<ReturnType<typeof report>>): Accuracy => {
    const products = matrices.filter(({ output_error }: { output_error: number | null }) => output_error !== null);
    const errors = products.map(({ output_error }: { output_error: number }) => output_error).sort();
    return { what, f32: loss.f32, loss: loss.quantised, median: errors[errors.length >> 1]!, most: errors.at(-1)! };
  };
  const int4 = await report('--weights-dtype', 'int4');
  const keys: readonly string[] = int4.matrices
    .filter(({ as }: { as: string }) => as.startsWith('int4'))
    .map(({ key }: { key: string }) => key);
  const with4 = async (what: string, more: string): Promise<Accuracy> =>
    rowOf(
      what,
      await report(
        '--weights-dtype',
        'int4',
        ...keys.flatMap((key) => ['--quantise', `${key} as int4(group = 32${more})`]),
      ),
    );
  return [
    rowOf('`--weights-dtype int8`', await report('--weights-dtype', 'int8')),
    rowOf('`--weights-dtype int4`', int4),
    await with4('its int4 with `zeros = true`', ', zeros = true'),
    await with4('its int4 with `zeros = true, method = "hqq"`', ', zeros = true, method = "hqq"'),
    await with4('its int4 with `method = "gptq"`', ', method = "gptq"'),
    await with4('its int4 with `zeros = true, method = "gptq"`', ', zeros = true, method = "gptq"'),
  ];
}
