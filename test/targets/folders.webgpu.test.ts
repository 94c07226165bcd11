/**
 * What a target's folder can do, every target can: adapters that are swapped, stages that train, two targets in one folder.
 * What comes out is compared with the interpreter.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { openGraphs } from '../../src/compiler/workbench/session.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import {
  type AdapterBytes,
  encodeSafetensors,
  ModelTrainer,
  openCheckpoint,
  openSession,
  parseManifest,
  parsePlan,
  peftKey,
} from '../../src/runtime/index.ts';
import type { Manifest } from '../../src/shared/artifact.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import type { TrainingPlan } from '../../src/shared/training.ts';
import { mdl } from '../cli/support.ts';
import { unavailable } from '../support/adapter.ts';
import { compileOk, memory } from '../support/project.ts';
import { relativeError } from '../support/reference.ts';
import { runStageOn } from '../training/engines.ts';
import { MICRO, micro, microBatch, microFolder, noise } from '../training/support.ts';

/** whose folders a session opens */
const SERVED = ['onnx', 'webgpu'] as const;
const TARGETS = SERVED.filter((target) => target !== 'webgpu' || unavailable === undefined);
const INIT = ['micro.mdl', '--init', '1'];
const manifestIn = (folder: string): Manifest =>
  parseManifest(readFileSync(join(folder, 'manifest.json'), 'utf8'), 'manifest.json');

async function compiled(folder: string, ...args: string[]): Promise<string> {
  const ran = await mdl(folder, 'compile', ...INIT, '--out', 'out', ...args);
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
  return join(folder, 'out');
}

/** An adapter for the LoRA of the micro model, in PEFT's format. */
function adapter({ adapter: settings, entries }: Manifest, seed: number): AdapterBytes {
  const tensors = entries.loss!.adapters!.map(({ key, shape }, i): [string, HostTensor] => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    return [peftKey(key), { dtype: 'f32', shape, data: noise(size, seed + i) as Float32Array<ArrayBuffer> }];
  });
  const config = { peft_type: 'LORA', r: settings!.r, lora_alpha: settings!.alpha };
  return { config: JSON.stringify(config), weights: encodeSafetensors(new Map(tensors)) };
}

describe.each(TARGETS)('%s', (target) => {
  it('--swap-adapters: adapters in turn, and none, give what the interpreter gives', async () => {
    const { folder } = microFolder();
    const out = await compiled(folder, '--target', target, '--swap-adapters');
    const manifest = manifestIn(out);
    expect(manifest.entries.loss!.adapters).toHaveLength(2);
    const model = micro();
    const graphs = graphsOf(model, { adapters: 'inputs' })!;
    const oracle = await openGraphs(graphs, seededWeights(model, 1), { backend: 'reference', opset: 17 });
    const session = await openSession(out);
    expect(session.info().backend).toMatch(target === 'onnx' ? /^onnxruntime/ : /^webgpu/);
    const losses: number[] = [];
    for (const by of [oracle, session]) {
      await by.addAdapter('one', adapter(manifest, 1));
      await by.addAdapter('two', adapter(manifest, 7));
    }
    for (const name of ['one', 'two', null, 'one']) {
      for (const by of [oracle, session]) by.setAdapter(name);
      const [expected, found] = await Promise.all([oracle, session].map((by) => by.run('loss', microBatch())));
      expect(relativeError(found!.loss!.data, expected!.loss!.data), `${name}`).toBeLessThan(1e-6);
      losses.push(Number(found!.loss!.data[0]));
    }
    expect(new Set(losses).size).toBe(3);
    await session.dispose();
    await oracle.dispose();
  });

  it.each(['one', 'two'])('--stage %s: three steps from the folder are those of the interpreter', async (stage) => {
    const { folder } = microFolder();
    const out = await compiled(folder, '--target', target, '--stage', stage);
    const { targets } = manifestIn(out);
    const training: TrainingPlan =
      targets.onnx?.training ?? parsePlan(readFileSync(join(out, targets.webgpu!.plan), 'utf8'), 'plan').training!;
    const start = await openCheckpoint(join(out, targets.onnx?.start?.file ?? targets.webgpu!.weights[0]!.file));
    const session = await openSession(out);
    const trainer = new ModelTrainer(session, { training }, start);
    const batches = [microBatch(0), microBatch(1)].slice(0, training.accumulate);
    const steps = [];
    for (let i = 0; i < 3; i++) steps.push(await trainer.step(batches, { lr: 1e-2 }));
    const model = micro(stage === 'one' ? [{ name: 'lora', text: 'false' }] : []);
    const weights = seededWeights(model, 1);
    const read = new Map<string, HostTensor>();
    for (const key of model.parameters.keys()) read.set(key, await weights.read(key));
    const expected = await runStageOn('reference', model, {
      stage,
      weights: (key) => read.get(key)!,
      batches,
      steps: 3,
      options: { lr: 1e-2 },
    });
    expect(
      relativeError(
        steps.map(({ loss }) => loss),
        expected.records.map(({ loss }) => loss),
      ),
    ).toBeLessThan(1e-5);
    const trained = await trainer.trained();
    expect([...trained.keys()].sort()).toEqual([...expected.state.parameters.keys()].sort());
    for (const [key, { data }] of trained)
      expect(relativeError(data, expected.state.parameters.get(key)!.data), key).toBeLessThan(1e-4);
    await trainer.dispose();
    await session.dispose();
    await start.close();
  });

  it('--swap-adapters and --stage in one folder', async () => {
    const { folder } = microFolder();
    const out = await compiled(folder, '--target', target, '--stage', 'two', '--swap-adapters');
    const { entries } = manifestIn(out);
    expect(entries.loss!.adapters).toHaveLength(2);
    // what trains is fed by the trainer and not by the session
    expect(entries.gradient).not.toHaveProperty('adapters');
    const session = await openSession(out);
    await session.run('loss', microBatch());
    await session.load('update');
    await session.dispose();
  });
});

describe('a folder for two targets', () => {
  it('has one manifest, whichever was first', async () => {
    const { folder } = microFolder();
    for (const [first, second] of [SERVED, [...SERVED].reverse()]) {
      await compiled(folder, '--target', first!);
      const out = await compiled(folder, '--target', second!);
      const { targets } = manifestIn(out);
      expect(Object.keys(targets).sort()).toEqual([...SERVED]);
      for (const { file } of [...targets.onnx!.weights, ...targets.webgpu!.weights])
        expect(existsSync(join(out, file)), file).toBe(true);
      const session = await openSession(out);
      expect(session.info().backend).toMatch(/^onnxruntime/);
      await session.run('loss', microBatch());
      await session.dispose();
    }
  });

  it('keeps the names by which ONNX Runtime says which look-up failed', async () => {
    const source =
      'model M { param t: [10, 4] = normal(1.0)  entry run(i: int[B]) -> (y: [B, 4]) { gather(t, i * i) } }';
    const { folder } = microFolder(microBatch(), source);
    await compiled(folder, '--target', 'onnx');
    const { entries } = manifestIn(await compiled(folder, '--target', 'webgpu'));
    expect(entries.run!.checks!.rows.map(({ nodes }) => nodes?.length)).toEqual([1, 1]);
  });

  it('leaves out the files of another compilation, and says so', async () => {
    const { folder } = microFolder();
    await compiled(folder, '--target', 'webgpu');
    const ran = await mdl(folder, 'compile', 'micro.mdl', '--init', '2', '--out', 'out');
    expect(ran.stderr).toContain('the files of webgpu in ');
    expect(ran.stderr).toContain('are of another compilation: manifest.json no longer names them');
    expect(Object.keys(manifestIn(join(folder, 'out')).targets)).toEqual(['onnx']);
  });
});

it('the title of a model without flags has nothing after the target', async () => {
  const { folder } = microFolder(
    microBatch(),
    MICRO.replace(/flag lora = true\n|adapt .*\n/g, '').replace(/stage [\s\S]*/, ''),
  );
  expect(() => compileOk('m.mdl', memory({ 'm.mdl': readFileSync(join(folder, 'micro.mdl'), 'utf8') }))).not.toThrow();
  for (const [target, label] of [
    ['onnx', 'opset 17'],
    ['webgpu', 'webgpu'],
  ] as const) {
    const { stdout } = await mdl(folder, 'compile', 'micro.mdl', '--target', target, '--out', target);
    expect(stdout.split('\n')[0]).toBe(`Micro (config micro, ${label}) in ${target}`);
  }
});
