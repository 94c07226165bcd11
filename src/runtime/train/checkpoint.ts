/**
 * A training checkpoint as tensors and metadata: one safetensors file with everything that a run needs to go on.
 *
 *   parameter.<key>     what this stage trains
 *   state.<slot>.<key>  the optimiser's
 *   earlier.<key>       what earlier stages trained and this one does not
 *
 * The settings that shaped the run are stored as text by name, so that a checkpoint of another run is refused with the
 * setting that differs. Where the data stands follows from the step; masks follow from seed and step.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import { runtimeError } from '../errors.ts';
import type { TrainState } from './state.ts';

/** What makes runs comparable: config, flags, stages, optimiser, seed, data, … as text. */
export type RunSettings = Readonly<Record<string, string>>;

export interface TrainingCheckpoint {
  readonly state: TrainState;
  readonly earlier: ReadonlyMap<string, HostTensor>;
  readonly settings: RunSettings;
  /** bytes of the log that belong to the steps done */
  readonly logBytes: number;
  /** how the stage was judged so far, where it is */
  readonly judged?: Judged;
}

/** What early stopping and the best state go by: a value of a metric is compared with those before it. */
export interface Judged {
  /** the best value, and the step that it was seen after; null and 0 before any that is a number */
  readonly best: number | null;
  readonly step: number;
  /** validations since then */
  readonly since: number;
}

interface Header {
  readonly version: 1;
  readonly stage: string;
  readonly step: number;
  readonly updates: number;
  readonly loss_scale: TrainState['lossScale'];
  readonly vanishing: Readonly<Record<string, number>>;
  readonly settings: RunSettings;
  readonly log_bytes: number;
  readonly judged?: Judged;
}

const METADATA = 'mdl.training';

export function encodeTraining({ state, earlier, settings, logBytes, judged }: TrainingCheckpoint): {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
} {
  const tensors = new Map<string, HostTensor>();
  for (const [key, tensor] of state.parameters) tensors.set(`parameter.${key}`, tensor);
  for (const [slot, values] of state.slots) {
    for (const [key, tensor] of values) tensors.set(`state.${slot}.${key}`, tensor);
  }
  for (const [key, tensor] of earlier) tensors.set(`earlier.${key}`, tensor);
  const header: Header = {
    version: 1,
    stage: state.stage,
    step: state.step,
    updates: state.updates,
    loss_scale: state.lossScale,
    vanishing: state.vanishing,
    settings,
    log_bytes: logBytes,
    ...(judged ? { judged } : {}),
  };
  return { tensors, metadata: { [METADATA]: JSON.stringify(header) } };
}

/** @throws RuntimeError R0804 when the file is no training checkpoint */
export function decodeTraining(
  file: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: ReadonlyMap<string, string>,
): TrainingCheckpoint {
  const header = readHeader(file, metadata.get(METADATA));
  const parameters = new Map<string, HostTensor>();
  const slots = new Map<string, Map<string, HostTensor>>();
  const earlier = new Map<string, HostTensor>();
  for (const [name, tensor] of tensors) {
    const [kind, rest] = cut(name);
    if (kind === 'parameter') parameters.set(rest, tensor);
    else if (kind === 'earlier') earlier.set(rest, tensor);
    else if (kind === 'state') {
      const [slot, key] = cut(rest);
      slots.set(slot, (slots.get(slot) ?? new Map<string, HostTensor>()).set(key, tensor));
    } else throw runtimeError('checkpoint_form', { file, reason: `holds ${name}` });
  }
  const { stage, step, updates, loss_scale: lossScale, vanishing } = header;
  return {
    state: { stage, step, updates, lossScale, vanishing, parameters, slots },
    earlier,
    settings: header.settings,
    logBytes: header.log_bytes,
    ...(header.judged ? { judged: header.judged } : {}),
  };
}

/** @throws RuntimeError R0803 naming the first setting that differs */
export function checkSettings(file: string, found: RunSettings, expected: RunSettings): void {
  for (const name of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    if (found[name] === expected[name]) continue;
    throw runtimeError('checkpoint_of_another_run', {
      file,
      what: name,
      found: found[name] ?? 'nothing',
      expected: expected[name] ?? 'nothing',
    });
  }
}

function readHeader(file: string, text: string | undefined): Header {
  if (text === undefined) throw runtimeError('checkpoint_form', { file, reason: 'has no training state' });
  try {
    const header = JSON.parse(text) as Partial<Header> | null;
    if (header?.version === 1 && Number.isSafeInteger(header.step) && typeof header.settings === 'object')
      return header as Header;
    throw runtimeError('checkpoint_form', { file, reason: `is of version ${String(header?.version)}` });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw runtimeError('checkpoint_form', { file, reason: 'has a header that is not JSON' }, error);
  }
}

/** `parameter.llama_proj.weight` → `parameter` and `llama_proj.weight` */
function cut(name: string): readonly [string, string] {
  const at = name.indexOf('.');
  return at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
}
