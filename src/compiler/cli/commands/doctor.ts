/** `mdl doctor`: what this machine has, whether its kernels are right, and where a model goes wrong on it. */
import { RuntimeError } from '../../../runtime/index.ts';
import { LIMIT } from '../../../runtime/self-test/compare.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import { graphsOf } from '../../graphs.ts';
import { type Examined, examineEntry, examineKernels, type Finding, isFine } from '../../workbench/doctor/examine.ts';
import { DYNAMIC_SIZE } from '../../workbench/doctor/feeds.ts';
import { examineMachine, type Machine } from '../../workbench/doctor/machine.ts';
import { cliError } from '../../workbench/errors.ts';
import { readInputs } from '../../workbench/inputs.ts';
import { loadModel, openWeights, type SettingsOptions, type WeightsOptions } from '../../workbench/model.ts';
import { seededWeights, type WeightProvider } from '../../workbench/weights/provider.ts';
import type { Output } from '../output.ts';

export interface DoctorOptions extends SettingsOptions, WeightsOptions {
  readonly backend?: Examined;
  readonly entry?: string;
  readonly inputs?: string;
}

/** What was found on a backend. */
interface Report {
  readonly backend: Examined;
  readonly kernels: readonly Finding[];
  readonly model?: readonly Finding[];
}

export default async function doctor(output: Output, [file]: readonly string[], options: DoctorOptions): Promise<void> {
  const needsModel = (['entry', 'inputs', 'weights', 'init'] as const).find((name) => options[name] !== undefined);
  if (file === undefined && needsModel !== undefined)
    throw cliError('option_without', { option: `--${needsModel}`, without: 'a model' });
  if (options.inputs !== undefined && options.entry === undefined)
    throw cliError('option_without', { option: '--inputs', without: '--entry' });
  // a model or a checkpoint that is wrong says so before anything is judged
  const subject = file === undefined ? undefined : await subjectOf(output, file, options);
  try {
    const machine = await examineMachine();
    output.piece(`${machineLines(machine).join('\n')}\n`);
    const reports: Report[] = [];
    for (const backend of backendsOf(machine, options.backend)) {
      const kernels = await examineKernels(backend);
      output.piece(section(`kernels on ${backend}, beside the float64 interpreter`, kernels));
      const report = { backend, kernels };
      reports.push(subject ? { ...report, model: await examineModel(output, subject, backend) } : report);
    }
    const bad = reports.flatMap(({ kernels, model = [] }) => [...kernels, ...model]).filter((one) => !isFine(one));
    output.result(['', summary(reports, bad)].join('\n'), { machine, limit: LIMIT, reports });
    if (bad.length > 0) process.exitCode = 1;
  } finally {
    await subject?.weights.close();
  }
}

/** @throws CliError C0435 for a backend that is not here */
function backendsOf(machine: Machine, asked: Examined | undefined): readonly Examined[] {
  const missing = (backend: Examined): string | undefined => {
    const there = machine[backend];
    return 'missing' in there ? there.missing : undefined;
  };
  const reason = asked && missing(asked);
  if (asked !== undefined && reason !== undefined) throw cliError('doctor_backend', { backend: asked, reason });
  return (['onnx', 'webgpu'] as const).filter((name) => (asked ?? name) === name && missing(name) === undefined);
}

/** A model and what it is fed. */
interface Subject {
  readonly model: Model;
  readonly entries: readonly string[];
  readonly weights: WeightProvider;
  /** made up when absent */
  readonly feeds?: Readonly<Record<string, HostTensor>>;
}

async function subjectOf(output: Output, file: string, options: DoctorOptions): Promise<Subject> {
  const { model, compilation } = loadModel(file, options, output);
  const entries = options.entry === undefined ? model.entries : [options.entry];
  if (!graphsOf(model, { entries }) || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  const feeds = options.inputs === undefined ? undefined : await readInputs(options.inputs);
  const weights = (await openWeights(model, options, output)) ?? seededWeights(model, 0);
  return { model, entries, weights, ...(feeds ? { feeds } : {}) };
}

async function examineModel(output: Output, subject: Subject, backend: Examined): Promise<readonly Finding[]> {
  const { model, entries, weights, feeds } = subject;
  const findings: Finding[] = [];
  for (const entry of entries) {
    const examination = { entry, backend, ...(feeds ? { feeds } : {}) };
    findings.push(await judged(entry, () => examineEntry(model, weights, examination)));
  }
  const numbers = feeds ? 'the inputs given' : `made-up inputs, dynamic sizes ${DYNAMIC_SIZE}`;
  output.piece(section(`${model.name} on ${backend}, ${numbers}`, findings));
  return findings;
}

const section = (title: string, findings: readonly Finding[]): string =>
  ['', title, ...findings.flatMap(lines), ''].join('\n');

/** What the interpreter refuses, made-up numbers do not fit. */
async function judged(entry: string, examine: () => Promise<Finding>): Promise<Finding> {
  try {
    return await examine();
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return { what: entry, skipped: `${error.message} (give your own with --entry ${entry} --inputs FILE)` };
  }
}

function machineLines({ node, platform, onnx, webgpu, auto }: Machine): string[] {
  const gpu = (): string[] => {
    if ('missing' in webgpu) return [`WebGPU         ${webgpu.missing}`];
    const { name, profile, features, limits } = webgpu;
    const size = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`;
    return [
      `WebGPU         ${name}, kernels for ${profile === 'software' ? 'adapters that compute on the CPU' : 'GPUs'}`,
      `  features     ${features.join(', ') || 'none'}`,
      `  limits       buffers of ${size(limits.maxBufferSize)}, bindings of ${size(limits.maxStorageBufferBindingSize)}, ${limits.maxStorageBuffersPerShaderStage} storage buffers a kernel, ${limits.maxComputeInvocationsPerWorkgroup} invocations and ${limits.maxComputeWorkgroupStorageSize} bytes a workgroup`,
    ];
  };
  return [
    `Node           ${node}, ${platform}`,
    `ONNX Runtime   ${'missing' in onnx ? onnx.missing : onnx.version}`,
    ...gpu(),
    `--backend auto ${auto.backend}: ${auto.why}`,
  ];
}

function lines(finding: Finding): string[] {
  const { what, error, failed, skipped, first } = finding;
  const name = what.padEnd(16);
  if (skipped !== undefined) return [`  not run  ${name} ${skipped}`];
  if (failed !== undefined) return [`  FAILED   ${name} ${failed}`];
  const of = Number.isFinite(error)
    ? `${error!.toExponential(1)} of the largest number`
    : 'NaN, an infinity or an integer differs';
  if (isFine(finding)) return [`  ok       ${name} ${of}`];
  const where = first
    ? `first off: ${first.op}${first.path === '' ? '' : ` of ${first.path}`}${first.source === undefined ? '' : ` (${first.source})`}`
    : 'each module alone is right: what is off is made when they are fused';
  return [`  OFF      ${name} ${of}`, `           ${where}`];
}

function summary(reports: readonly Report[], bad: readonly Finding[]): string {
  if (reports.length === 0) return 'nothing here runs models: install onnxruntime-node';
  const names = reports.map(({ backend }) => backend).join(' and ');
  if (bad.length === 0) return `${names}: all numbers within ${LIMIT} of the interpreter's`;
  return `${bad.length} of them are not within ${LIMIT} of the interpreter's: do not trust this backend's numbers, and report the lines above with the adapter's name`;
}
