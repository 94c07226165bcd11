/** Reads `plan.json`. It may come from a stranger's server; what its steps say is checked again when an entry loads. */
import { PLAN_VERSION, type WebGpuPlan } from '../../shared/webgpu.ts';
import { reasonOf, runtimeError } from '../errors.ts';
import {
  checkAdapter,
  checkFiles,
  checkOrigin,
  checkPorts,
  checkTraining,
  isObject,
  type Json,
  ManifestProblem,
  need,
} from '../manifest-checks.ts';

const isIndex = (index: unknown, of: unknown): boolean =>
  Number.isSafeInteger(index) && (index as number) >= 0 && (index as number) < (of as readonly unknown[]).length;

const isSize = (value: unknown): boolean => typeof value === 'string' || Number.isSafeInteger(value);

function checkKernel(kernel: unknown): void {
  need(isObject(kernel) && typeof kernel.label === 'string', 'has a kernel without a label');
  const { label, wgsl, bindings, params } = kernel as Json;
  const accesses = Array.isArray(bindings) && bindings.every((one) => one === 'read' || one === 'read_write');
  need(typeof wgsl === 'string' && accesses && Number.isSafeInteger(params), `has a damaged kernel ${label}`);
}

function checkLaunch(launch: unknown, name: string): void {
  need(isObject(launch), `has a damaged step in ${name}`);
  const { kernel, groups, beside = [], buffers, params } = launch as Json;
  need(
    Number.isSafeInteger(kernel) &&
      isGroups(groups) &&
      Array.isArray(beside) &&
      beside.every(isGroups) &&
      Array.isArray(buffers) &&
      buffers.every((index) => Number.isSafeInteger(index)) &&
      Array.isArray(params) &&
      params.every(isSize),
    `has a damaged step in ${name}`,
  );
}

const isGroups = (groups: unknown): boolean =>
  Array.isArray(groups) &&
  groups.length === 3 &&
  groups.every((one) => isObject(one) && isSize(one.of) && Number.isSafeInteger(one.per) && (one.per as number) > 0);

function checkAlternative(alternative: unknown, name: string): void {
  checkLaunch(alternative, name);
  const { profile, when, flops = 0, bytes = 0 } = alternative as Json;
  need(
    (profile === undefined || profile === 'gpu' || profile === 'software') &&
      (when === undefined || (isObject(when) && isSize(when.size) && Number.isSafeInteger(when.atMost))) &&
      isSize(flops) &&
      isSize(bytes),
    `has a damaged step in ${name}`,
  );
}

function checkEntry(name: string, entry: Json): void {
  checkPorts(name, entry);
  const { buffers, steps } = entry;
  need(Array.isArray(buffers) && Array.isArray(steps), `has no buffers or steps in ${name}`);
  for (const buffer of buffers as unknown[])
    need(isObject(buffer) && typeof buffer.kind === 'string', `has a damaged buffer in ${name}`);
  for (const step of steps as unknown[]) {
    checkLaunch(step, name);
    const { origin, alternatives = [], flops, bytes } = step as Json;
    need(typeof origin === 'string' && isSize(flops) && isSize(bytes), `has a damaged step in ${name}`);
    need(Array.isArray(alternatives), `has a damaged step in ${name}`);
    for (const alternative of alternatives as unknown[]) checkAlternative(alternative, name);
  }
}

/** @throws RuntimeError R1012 when it is not a plan of this version */
export function parsePlan(text: string, file: string): WebGpuPlan {
  try {
    const plan: unknown = JSON.parse(text);
    need(isObject(plan), 'is not a JSON object');
    const {
      format,
      version,
      model,
      needs,
      ops = [],
      kernels,
      constants,
      parameters,
      packs,
      entries,
      adapter,
      training,
      weights = null,
    } = plan as Json;
    need(
      format === 'mdl-webgpu' && version === PLAN_VERSION,
      `has format ${JSON.stringify(format)} version ${JSON.stringify(version)}, not mdl-webgpu version ${PLAN_VERSION}`,
    );
    need(isObject(model) && typeof model.name === 'string' && isObject(model.config), 'does not describe the model');
    need(isObject(needs) && Object.values(needs).every(Number.isSafeInteger), 'does not say what it needs of a device');
    need(Array.isArray(ops) && ops.every((op) => typeof op === 'string'), 'has damaged ops');
    need(
      Array.isArray(kernels) && Array.isArray(constants) && Array.isArray(parameters),
      'lacks kernels, constants or parameters',
    );
    for (const kernel of kernels as unknown[]) checkKernel(kernel);
    for (const one of parameters as unknown[])
      need(isObject(one) && typeof one.key === 'string' && Array.isArray(one.shape), 'has a damaged parameter');
    for (const one of constants as unknown[])
      need(isObject(one) && (one.kind === 'data' || one.kind === 'rotary'), 'has a damaged constant');
    need(Array.isArray(packs), 'lacks packs');
    for (const one of packs as unknown[])
      need(
        isObject(one) &&
          Number.isSafeInteger(one.elements) &&
          Array.isArray(one.parts) &&
          one.parts.every(
            (part) => isObject(part) && isIndex(part.parameter, parameters) && Number.isSafeInteger(part.at),
          ),
        'has a damaged pack',
      );
    need(isObject(entries), 'has no entries');
    for (const [name, entry] of Object.entries(entries as Json)) checkEntry(name, entry as Json);
    checkAdapter(adapter, entries as Json);
    if (training !== undefined) checkTraining(training, entries as Json);
    checkOrigin(weights);
    if (isObject(weights)) checkFiles(weights.files);
    return plan as unknown as WebGpuPlan;
  } catch (error) {
    if (!(error instanceof ManifestProblem || error instanceof SyntaxError)) throw error;
    const reason = error instanceof SyntaxError ? `is not JSON (${reasonOf(error)})` : error.message;
    throw runtimeError('plan_form', { file, reason });
  }
}
