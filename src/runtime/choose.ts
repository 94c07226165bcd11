/**
 * Which backend runs a compiled model. The manifest says what it was compiled for: ONNX Runtime, WebGPU, or both.
 *
 *   onnx, webgpu   that one, or an error that says what was tried
 *   auto           webgpu where there is a plan and a hardware adapter, else onnx; session.info() says why
 *   (nothing)      what the folder was compiled for; onnx when for both
 */
import { checkArgument, checkOptions } from './arguments.ts';
import type { Backend, ModelSource } from './backend.ts';
import { RuntimeError, runtimeError } from './errors.ts';
import { Session, type SessionParts } from './session.ts';
import { type Acquire, manifestOf, type WebGpuOptions, webgpuBackendWith } from './webgpu/backend.webgpu.ts';
import type { Gpu } from './webgpu/gpu.ts';
import { openWeights, type PlanSource } from './webgpu/plan-source.ts';
import type { Weights } from './webgpu/stored.ts';

/** What `openSession` of both index files takes. */
export interface ChoiceOptions extends Pick<WebGpuOptions, 'device' | 'acquire' | 'selfTest'> {
  /** `onnx`, `webgpu`, `auto`, or a backend of your own; what the model was compiled for when absent */
  readonly backend?: string | Backend;
  /** for a plan: the weights, instead of the files beside it */
  readonly weights?: Weights;
}

type Located = ModelSource & { locate(file: string): string };

/** What differs between Node and a page. */
export interface Platform {
  openModel(location: string): Promise<Located>;
  openPlan(location: string): Promise<PlanSource>;
  onnx(source: ModelSource): Backend;
  readonly acquire: Acquire;
  readonly openAdapter: NonNullable<SessionParts['openAdapter']>;
}

type Model = string | ModelSource | PlanSource;

const KNOWN = ['onnx', 'webgpu', 'auto'];

/** @throws RuntimeError R0202–R0205 (model), R0216 (backend), R1001, R1002 (device), R1012 (plan), R1017 (selfTest) */
export async function chooseSession(platform: Platform, model: Model, options: ChoiceOptions): Promise<Session> {
  const isModel =
    typeof model === 'string' ||
    (typeof model === 'object' && model !== null && ('plan' in model || 'manifest' in model));
  checkArgument('openSession', 'the model', model, isModel, 'a folder, a URL, or a source with a manifest or a plan');
  checkOptions('openSession', options);
  const { backend } = options;
  const untested = (source: ModelSource, own?: Backend): Session => {
    if (options.selfTest) throw runtimeError('self_test_place', { backend: own?.name ?? 'ONNX Runtime' });
    return overOnnx(platform, source, own);
  };
  if (typeof backend === 'object') return untested(await onnxModel(platform, model, 'your own'), backend);
  if (backend === 'onnx') return untested(await onnxModel(platform, model, 'onnx'));
  if (backend === 'webgpu') return overPlan(platform, await planOf(platform, model), options);
  if (backend === 'auto') return automatic(platform, model, options);
  if (backend !== undefined)
    throw runtimeError('backend_unavailable', { backend, reason: 'there is no backend of this name', known: KNOWN });
  if (typeof model !== 'string') return 'plan' in model ? overPlan(platform, model, options) : untested(model);
  if (model.endsWith('plan.json')) return overPlan(platform, await platform.openPlan(model), options);
  const source = await present(platform.openModel(model));
  if (source?.manifest.targets.onnx) return untested(source);
  const plan = await planAt(platform, model, source);
  if (plan) return overPlan(platform, plan, options);
  return untested(source ?? (await platform.openModel(model)));
}

/**
 * The plan at a folder, its manifest, or the plan itself; undefined where there is none.
 * @param source what is known to be there
 */
async function planAt(
  platform: Platform,
  location: string,
  source: Located | undefined,
): Promise<PlanSource | undefined> {
  if (location.endsWith('plan.json')) return present(platform.openPlan(location));
  if (!source) return location.endsWith('.json') ? undefined : present(platform.openPlan(location));
  const { webgpu } = source.manifest.targets;
  return webgpu && platform.openPlan(source.locate(webgpu.plan));
}

async function openPlanAt(platform: Platform, location: string): Promise<PlanSource | undefined> {
  const source = location.endsWith('plan.json') ? undefined : await present(platform.openModel(location));
  return planAt(platform, location, source);
}

async function automatic(platform: Platform, model: Model, options: ChoiceOptions): Promise<Session> {
  const plan = typeof model === 'string' ? await openPlanAt(platform, model) : 'plan' in model ? model : undefined;
  const onnx = (): Promise<ModelSource> => onnxModel(platform, model, 'onnx');
  if (!plan) return overOnnx(platform, await onnx(), undefined, 'the model was not compiled for webgpu');
  if (options.device) return overPlan(platform, plan, options, 'a device was given');
  let gpu: Gpu;
  try {
    gpu = await platform.acquire({ ...options.acquire, needs: plan.plan.needs, hardwareOnly: true });
  } catch (error) {
    if (!(error instanceof RuntimeError) || !['R1001', 'R1002'].includes(error.code)) throw error;
    const found = typeof model === 'string' ? await present(platform.openModel(model)) : undefined;
    if (found?.manifest.targets.onnx) return overOnnx(platform, found, undefined, error.message);
    return overPlan(platform, plan, options, 'the model was not compiled for onnx');
  }
  const why = `there is a hardware adapter, ${gpu.name}`;
  let first: Gpu | undefined = gpu;
  const acquire: Acquire = async (wanted) => {
    const device = first ?? (await platform.acquire(wanted));
    first = undefined;
    return device;
  };
  try {
    return await overPlan({ ...platform, acquire }, plan, options, why);
  } catch (error) {
    first?.destroy(); // nobody took it
    throw error;
  }
}

function overOnnx(platform: Platform, source: ModelSource, backend?: Backend, why?: string): Session {
  return Session.open(source.manifest, {
    backend: backend ?? platform.onnx(source),
    read: (file) => source.read(file),
    openAdapter: platform.openAdapter,
    ...(why === undefined ? {} : { why }),
  });
}

async function overPlan(
  platform: Platform,
  source: PlanSource,
  { weights, device, acquire, selfTest }: ChoiceOptions,
  why?: string,
): Promise<Session> {
  const opened = weights ? undefined : await openWeights(source);
  const close = async (): Promise<void> => opened?.close();
  let backend: Backend;
  try {
    backend = await webgpuBackendWith(platform.acquire, {
      plan: source.plan,
      weights: weights ?? opened!,
      close,
      ...(device ? { device } : {}),
      ...(acquire ? { acquire } : {}),
      ...(selfTest ? { selfTest } : {}),
    });
  } catch (error) {
    await close();
    throw error;
  }
  return Session.open(manifestOf(source.plan), {
    backend,
    read: (file) => source.read(file),
    openAdapter: platform.openAdapter,
    ...(why === undefined ? {} : { why }),
  });
}

async function onnxModel(platform: Platform, model: Model, backend: string): Promise<ModelSource> {
  if (typeof model === 'string') return platform.openModel(model);
  if (!('plan' in model)) return model;
  const reason = `${model.location} was compiled for webgpu only`;
  throw runtimeError('backend_unavailable', { backend, reason, known: ['webgpu'] });
}

async function planOf(platform: Platform, model: Model): Promise<PlanSource> {
  if (typeof model !== 'string' && 'plan' in model) return model;
  const plan = typeof model === 'string' ? await openPlanAt(platform, model) : undefined;
  if (plan) return plan;
  const where = typeof model === 'string' ? model : model.location;
  const reason = `there is no plan for it in ${where}; compile with --target webgpu`;
  throw runtimeError('backend_unavailable', { backend: 'webgpu', reason, known: ['onnx'] });
}

const isMissing = (error: unknown): boolean => error instanceof RuntimeError && error.code === 'R0203';

async function present<T>(opening: Promise<T>): Promise<T | undefined> {
  try {
    return await opening;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
