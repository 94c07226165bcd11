/** `mdl run --grads`: the gradients of the loss for one batch, by checkpoint key, without loss scale and dropout. */
import type { HostTensor } from '../../../shared/tensor.ts';
import { PORTS } from '../../../shared/training.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import { finish } from '../../graphs.ts';
import { TARGETS } from '../../targets/index.ts';
import type { Host } from '../../targets/target.ts';
import { gradientGraph } from '../../training/step.ts';
import type { BackendName } from '../backends.ts';
import type { Loaded } from '../model.ts';
import { openGraphs } from '../session.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { forStage, stageOf } from './stages.ts';

export interface GradientRequest {
  readonly entry: string;
  /** a stage's name, or `all` for every parameter */
  readonly stage: string;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  readonly backend: BackendName;
  readonly opset: 17 | 23;
}

/** @throws CliError C0201, C0202 */
export async function computeGradients(
  { model, compilation }: Loaded,
  weights: WeightProvider,
  request: GradientRequest,
  host?: Host,
): Promise<Map<string, HostTensor>> {
  const { entry, stage, inputs, backend, opset } = request;
  const own = stage === 'all' ? undefined : stageOf(model, stage);
  const trained = own?.trained ?? [...model.parameters.values()].filter(({ buffer }) => !buffer);
  const wanted = new Set(trained.map((parameter) => parameter.keys[0]));
  const built = forStage(stage, () =>
    gradientGraph(model, wanted, {
      entry,
      ...(own?.minimizes === entry ? { loss: own.loss } : {}),
      dropout: false,
      evaluates: (path) => own?.evaluates(path) ?? false,
      statistics: false,
      updates: false,
      fusedAttention: TARGETS[backend].training.fusedAttention ?? false,
    }),
  );
  if (!built || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  const graphs = finish(model, [{ name: 'gradient', graph: built.graph }]);
  const session = await openGraphs(graphs, weights, { backend, opset }, host);
  try {
    const feeds: Record<string, HostTensor> = {
      ...inputs,
      [PORTS.lossScale]: { dtype: 'f32', shape: [], data: Float32Array.of(1) },
    };
    for (const key of built.keys) feeds[PORTS.parameter(key)] = await weights.read(key);
    const results = await session.run('gradient', feeds);
    return new Map(built.keys.map((key) => [key, results[PORTS.gradient(key)]!]));
  } finally {
    await session.dispose();
  }
}
