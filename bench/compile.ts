/**
 * Compiling TinyGPT-V at full size without weights: the whole process, the warm phases, and growth with the layers.
 *
 * Aims: under 1 s of warm work, under 300 MB, linear in layers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeModel, lowerToOnnx } from '../src/compiler/backends/onnx/index.ts';
import { checkNames } from '../src/compiler/check/names.ts';
import { loadProgram } from '../src/compiler/check/program.ts';
import { DiagnosticBag } from '../src/compiler/diagnostics/diagnostic.ts';
import { BUILTINS } from '../src/compiler/elaborate/builtins/index.ts';
import { elaborate, type Model } from '../src/compiler/elaborate/model.ts';
import type { SettingsRequest } from '../src/compiler/elaborate/settings.ts';
import { finish, type Graphs, graphsOf } from '../src/compiler/graphs.ts';
import { type Graph, typeOf } from '../src/compiler/ir/graph.ts';
import { runPipeline } from '../src/compiler/passes/pipeline.ts';
import { webgpu } from '../src/compiler/targets/webgpu.ts';
import { sizeOf } from '../src/shared/tensor.ts';
import {
  type Measured,
  MODEL,
  mb,
  mdl,
  median,
  milliseconds,
  ms,
  node,
  ROOT,
  table,
  times,
  withFolder,
} from './support.ts';

const LIMIT_MS = 1000;
const LIMIT_MB = 300;
const RUNS = 5;
const LAYERS = [10, 100, 300, 1000];

export default async function compile(): Promise<void> {
  await wholeProcess();
  await flags();
  await phases();
  await layers();
}

async function wholeProcess(): Promise<void> {
  await withFolder(async (folder) => {
    const runs: { readonly name: string; readonly args: readonly string[] }[] = [
      { name: 'node, doing nothing', args: ['-e', '0'] },
      { name: 'mdl --help', args: ['dist/mdl.js', '--help'] },
      { name: 'mdl compile, nano', args: ['dist/mdl.js', 'compile', MODEL, '--config', 'nano', '--out', folder] },
      { name: 'mdl compile, full', args: ['dist/mdl.js', 'compile', MODEL, '--config', 'full', '--out', folder] },
      {
        name: 'mdl compile --target webgpu, full',
        args: ['dist/mdl.js', 'compile', MODEL, '--config', 'full', '--target', 'webgpu', '--out', folder],
      },
      { name: 'mdl explain-plan, full', args: ['dist/mdl.js', 'explain-plan', MODEL, '--config', 'full'] },
    ];
    const rows: string[][] = [];
    let idle = 0;
    for (const { name, args } of runs) {
      const measured = [];
      for (let i = 0; i < RUNS; i++) measured.push(await node(...args));
      const took = median(measured.map(({ seconds }) => seconds * 1000));
      const cpu = median(measured.map(({ cpuSeconds }) => cpuSeconds * 1000));
      const peak = median(measured.map(({ megabytes }) => megabytes));
      idle ||= cpu;
      rows.push([name, ms(took), ms(cpu), times(cpu / idle), mb(peak), times(peak / LIMIT_MB)]);
    }
    table(
      `whole process (median of ${RUNS})`,
      ['', 'time', 'CPU', 'of idle node', 'peak RSS', `of ${LIMIT_MB} MB`],
      rows,
    );
  });
}

/** The model's program, from the disk. */
function loaded() {
  const host = {
    read: (path: string): string | undefined => {
      try {
        return readFileSync(join(ROOT, path), 'utf8');
      } catch {
        return undefined;
      }
    },
  };
  const bag = new DiagnosticBag();
  const program = loadProgram(MODEL, host, bag)!;
  const names = checkNames(program, new Set(BUILTINS.keys()), bag);
  return { host, program, names };
}

/** The phases of the full config, in this process, after they have run a few times. */
async function phases(): Promise<void> {
  const { host, program, names } = loaded();
  const elaborated = (): Model => elaborate(program, names, { config: 'full' }, new DiagnosticBag())!;
  const traced = (model: Model): Graph[] => model.entries.map((name) => model.entry(name)!.graph);
  const lowered = (graphs: readonly Graph[]) => graphs.map(lower);
  const model = elaborated();
  const graphs = traced(model);
  const reduced = graphs.map((graph) => runPipeline(graph));
  const messages = lowered(reduced).map(({ model: message }) => message);
  const work: readonly (readonly [string, () => unknown])[] = [
    ['syntax (four files, std)', () => loadProgram(MODEL, host, new DiagnosticBag())],
    ['names', () => checkNames(program, new Set(BUILTINS.keys()), new DiagnosticBag())],
    ['elaborate', elaborated],
    ['trace four entries', () => traced(model)],
    ['passes', () => graphs.map((graph) => runPipeline(graph))],
    ['lower to ONNX', () => lowered(reduced)],
    ['encode', () => messages.map(encodeModel)],
  ];
  const rows: string[][] = [];
  let sum = 0;
  for (const [name, run] of work) {
    const took = await milliseconds(run, RUNS, { fastest: true });
    sum += took;
    rows.push([name, ms(took), times(took / LIMIT_MS)]);
  }
  rows.push(['all', ms(sum), times(sum / LIMIT_MS)]);
  const finished = model.entries.map((name, index) => ({
    name,
    graph: reduced[index]!,
    cache: model.entry(name)!.cache,
  }));
  const decode = finished.filter(({ name }) => name === 'decode');
  for (const [name, entries] of [
    ['instead of the last two: WebGPU plan', finished],
    ['of it, decode alone', decode],
  ] as const) {
    const took = await milliseconds(() => lowerAnew(finish(model, entries)), RUNS, { fastest: true });
    rows.push([name, ms(took), times(took / LIMIT_MS)]);
  }
  const text = messages.map((message) => JSON.stringify(message, plain));
  const peer = await milliseconds(() => text.map((json) => JSON.parse(json) as unknown), RUNS, { fastest: true });
  rows.push(['peer: JSON.parse of the same messages', ms(peer), times(peer / LIMIT_MS)]);
  table(`phases, warm, full config (fastest of ${RUNS})`, ['', 'time', `of ${LIMIT_MS} ms`], rows);
}

/** A plan whose entries are all lowered: who watches passes sees them. */
const lowerAnew = (graphs: Graphs) => webgpu.compile(graphs, { afterPass: () => undefined });

/** A model's WebGPU plan after one flag of it is another, from the names on, in one process: what an editor or a page waits for. */
async function flags(): Promise<void> {
  const { program, names } = loaded();
  const plan = (...set: NonNullable<SettingsRequest['set']>) => {
    const model = elaborate(program, names, { config: 'full', set }, new DiagnosticBag())!;
    return webgpu.compile(graphsOf(model, {})!);
  };
  const once = (work: () => unknown) => milliseconds(work, 1, { warmUp: 0 });
  const rows = [['all as it is, first', ms(await once(() => plan())), '']];
  for (let run = 0; run < RUNS; run++) plan();
  const { flags: all } = elaborate(program, names, { config: 'full' }, new DiagnosticBag())!.settings;
  for (const [name, on] of all) {
    const turned = () => plan({ name, text: String(!on) });
    const first = await once(turned);
    rows.push([`${name} ${on ? 'off' : 'on'}`, ms(first), ms(await milliseconds(turned, RUNS, { fastest: true }))]);
  }
  rows.push(['all as it is, again', '', ms(await milliseconds(() => plan(), RUNS, { fastest: true }))]);
  table(`WebGPU plan after one flag (fastest of ${RUNS})`, ['', 'the first time', 'again'], rows);
  const peak = process.resourceUsage().maxRSS * 1024;
  console.log(`\n  peak of this process: ${mb(peak / 1e6)}`);
}

/** Bytes as a list, as JSON has it. */
function plain(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}

function lower(graph: Graph) {
  const values = new Map(graph.parameters.map(({ key, value }) => [key, value]));
  let offset = 0;
  return lowerToOnnx(graph, {
    opset: 17,
    parameters: (key) => {
      const length = 4 * sizeOf(typeOf(graph, values.get(key)!).shape as readonly number[]);
      offset += length;
      return { kind: 'external', location: 'weights', offset: offset - length, length };
    },
  });
}

const seconds = (value: number): string => `${value.toFixed(2)} s`;

/** Phi with more and more layers: what one more layer costs should stay the same. */
async function layers(): Promise<void> {
  await withFolder(async (folder) => {
    const rows: string[][] = [];
    let before: (Measured & { readonly count: number }) | undefined;
    for (const count of LAYERS) {
      const run = await mdl('compile', MODEL, '--set', `phi.num_layers=${count}`, '--out', folder).catch(
        (error: Error) => {
          rows.push([String(count), error.message.split('\n')[0]!]);
          process.exitCode = 1;
        },
      );
      if (!run) continue;
      const more = count - (before?.count ?? 0);
      const perLayer = before ? ms(((run.cpuSeconds - before.cpuSeconds) * 1000) / more) : '';
      const memory = before ? mb((run.megabytes - before.megabytes) / more) : '';
      rows.push([String(count), seconds(run.seconds), seconds(run.cpuSeconds), perLayer, mb(run.megabytes), memory]);
      before = { ...run, count };
    }
    table(
      'layers of Phi, whole process',
      ['layers', 'time', 'CPU', 'per added layer', 'peak RSS', 'per added layer'],
      rows,
    );
  });
}
