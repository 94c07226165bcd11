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
import { type Graph, typeOf } from '../src/compiler/ir/graph.ts';
import { runPipeline } from '../src/compiler/passes/pipeline.ts';
import { sizeOf } from '../src/shared/tensor.ts';
import { planOfGraphs } from '../test/support/build.ts';
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

/** The phases of the full config, in this process, after they have run a few times. */
async function phases(): Promise<void> {
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
  const elaborated = (): Model => elaborate(program, names, { config: 'full' }, bag)!;
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
    const took = await milliseconds(() => planOfGraphs(model, entries), RUNS, { fastest: true });
    rows.push([name, ms(took), times(took / LIMIT_MS)]);
  }
  // one flag on and off again in this process, from the names on: what an editor or a page waits for
  let lora = false;
  const recompiled = await milliseconds(
    () => {
      const changed = elaborate(program, names, { config: 'full', set: [{ name: 'lora', text: String(lora) }] }, bag)!;
      lora = !lora;
      const entries = changed.entries.map((name) => {
        const { graph, cache } = changed.entry(name)!;
        return { name, graph: runPipeline(graph), cache };
      });
      return planOfGraphs(changed, entries);
    },
    RUNS,
    { fastest: true },
  );
  rows.push(['WebGPU plan of all entries after one flag', ms(recompiled), times(recompiled / LIMIT_MS)]);
  const text = messages.map((message) => JSON.stringify(message, plain));
  const peer = await milliseconds(() => text.map((json) => JSON.parse(json) as unknown), RUNS, { fastest: true });
  rows.push(['peer: JSON.parse of the same messages', ms(peer), times(peer / LIMIT_MS)]);
  table(`phases, warm, full config (fastest of ${RUNS})`, ['', 'time', `of ${LIMIT_MS} ms`], rows);
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
