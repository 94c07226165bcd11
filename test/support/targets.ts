/** Sessions of a program on every target, for tests of what all of them must agree on. The weights are those of seed 0. */
import type { ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { compile } from '../../src/compiler/index.ts';
import { openForRun, type RunRequest } from '../../src/compiler/workbench/session.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { Session } from '../../src/runtime/session.ts';
import type { Profile } from '../../src/runtime/webgpu/gpu.ts';
import { unavailable } from './adapter.ts';
import { buildWebGpu } from './build.ts';
import { atFileEnd } from './file-end.ts';
import { memory } from './project.ts';
import { backendOf, gpuOf, manifestOf } from './webgpu.ts';

export type Target = 'reference' | 'onnx 17' | 'onnx 23' | 'webgpu';

/** Those of this machine. */
export const TARGETS: readonly Target[] = [
  'reference',
  'onnx 17',
  'onnx 23',
  ...(unavailable === undefined ? (['webgpu'] as const) : []),
];

/**
 * @param source the text of main.mdl
 * @param profile of webgpu: which kind of adapter the kernels are for
 */
export async function sessionOn(
  target: Target,
  source: string,
  settings: ModelOptions = {},
  profile: Profile = 'gpu',
): Promise<Session> {
  const compilation = compile('main.mdl', memory({ 'main.mdl': source }), settings);
  const { model } = compilation;
  if (!model)
    throw new Error(
      compilation
        .diagnostics()
        .map(({ code, message }) => `${code} ${message}`)
        .join('\n'),
    );
  const weights = seededWeights(model, 0);
  if (target === 'webgpu') {
    const plan = buildWebGpu(model)!;
    const backend = backendOf(await gpuOf(profile), plan, (key) => weights.read(key));
    return Session.open(manifestOf(plan), { backend });
  }
  const run: RunRequest =
    target === 'reference'
      ? { backend: 'reference', opset: 17 }
      : { backend: 'onnx', opset: target === 'onnx 17' ? 17 : 23 };
  const session = await openForRun({ model, compilation }, weights, run);
  atFileEnd(() => session.dispose());
  return session;
}
