/** Kernels that have been written → a step of the plan: its launch, what else it may be, and what it costs. */
import { addDims, type Dim } from '../../../../shared/dim.ts';
import type { Alternative, Groups, Launch, StepPlan } from '../../../../shared/webgpu.ts';
import type { Kernel } from '../kernel.ts';
import { isBase } from '../text/code.ts';
import type { BufferRef } from './buffer.ts';
import type { Descriptions } from './describe.ts';
import { sizeText } from './memory.ts';
import type { BoundKernel } from './tables.ts';

/** Kernels as one dispatch; without kernels there is nothing to do. */
export interface Written {
  readonly kernels: readonly Kernel[];
  readonly gpu: BoundKernel;
  /** where it is another text */
  readonly software: BoundKernel | undefined;
}

export interface Variants {
  readonly many: Written;
  /** takes its place `when` there is one new position */
  readonly one?: Written;
  readonly when?: Alternative['when'];
}

export interface StepContext {
  /** index of a text among the plan's kernels */
  kernel(label: string, text: BoundKernel): number;
  /** index of a buffer */
  buffer(ref: BufferRef): number;
  bytesOf(kernels: readonly Kernel[], buffers: readonly BufferRef[]): Dim;
  readonly describe: Descriptions;
}

const NOTHING: Groups = [
  { of: 0, per: 1 },
  { of: 0, per: 1 },
  { of: 0, per: 1 },
];

export function stepOf({ many, one, when }: Variants, context: StepContext): StepPlan {
  const { kernels, gpu, software } = many;
  const step = {
    ...launchOf(many, gpu, context),
    origin: context.describe.originsOf(kernels),
    ...costsOf(many, context),
  };
  // before what leaves it out: a text goes by the label that it comes with first
  const onSoftware = software ? launchOf(many, software, context) : undefined;
  const alternatives: Alternative[] = [];
  if (one && when) {
    const costs = costsOf(one, context);
    const { gpu: plain, software: other } = one;
    if (other) alternatives.push({ profile: 'software', when, ...launchOf(one, other, context), ...costs });
    alternatives.push({ when, ...launchOf(one, plain, context), ...costs });
  }
  if (onSoftware) alternatives.push({ profile: 'software', ...onSoftware });
  return { ...step, ...(alternatives.length > 0 ? { alternatives } : {}) };
}

function launchOf({ kernels }: Written, text: BoundKernel, { kernel, buffer, describe }: StepContext): Launch {
  const parts = text.emitted.parts.map(
    (part) => part.map(({ of, per }) => ({ of: sizeText(of), per })) as unknown as Groups,
  );
  const [groups, ...beside] = kernels.length > 0 ? parts : [NOTHING];
  return {
    kernel: kernel(kernels.map((one) => describe.labelOf(one)).join(' ‖ '), text),
    groups: groups!,
    ...(beside.length > 0 ? { beside } : {}),
    buffers: text.buffers.map(buffer),
    params: text.emitted.params.map((param) => (isBase(param) ? text.bases[param.base]! : sizeText(param))),
  };
}

function costsOf({ kernels, gpu }: Written, { describe, bytesOf }: StepContext): Pick<StepPlan, 'flops' | 'bytes'> {
  if (kernels.length === 0) return { flops: 0, bytes: 0 };
  return {
    flops: sizeText(kernels.reduce<Dim>((sum, kernel) => addDims(sum, describe.flopsOf(kernel)), 0)),
    bytes: sizeText(bytesOf(kernels, gpu.buffers)),
  };
}
