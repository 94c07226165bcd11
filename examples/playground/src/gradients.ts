/** What the gradients of a run say of the model: layers that learn nothing, that overflow, that drown the others. */
import type { StepRecord } from '../../../src/runtime/train/log.ts';

/** Between the largest and the smallest mean norm of layers. */
const FAR = 1e4;

interface Layer {
  readonly name: string;
  readonly mean: number;
  /** the first step whose norm was NaN or infinite */
  readonly overflow: number | undefined;
}

export interface Finding {
  readonly bad: boolean;
  readonly text: string;
}

/** @param records of a run, in order. One step says nothing of zeros: what begins at zero (LoRA's B) hides others for a step */
export function gradientFindings(records: readonly Pick<StepRecord, 'step' | 'layers'>[]): Finding[] {
  const last = records.at(-1);
  if (!last) return [];
  const layers = Object.keys(last.layers).map((name) => layerOf(name, records));
  const found: Finding[] = [];
  const bad = (text: string): void => void found.push({ bad: true, text });
  const overflowing = layers.filter(({ overflow }) => overflow !== undefined);
  if (overflowing.length > 0)
    bad(
      `NaN or infinite from step ${Math.min(...overflowing.map(({ overflow }) => overflow!))}: ${namesOf(overflowing)}`,
    );
  const zero = layers.filter(({ mean, overflow }) => mean === 0 && overflow === undefined);
  if (records.length > 1 && zero.length > 0) bad(`no gradient in any step, so nothing is learned: ${namesOf(zero)}`);
  const sorted = layers.filter(({ mean }) => mean > 0).sort((a, b) => a.mean - b.mean);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (!least || !most) return found;
  const ratio = most.mean / least.mean;
  const range = `from ${short(least.mean)} (${least.name}) to ${short(most.mean)} (${most.name})`;
  if (ratio > FAR) bad(`mean norms are far apart, ${range}`);
  else if (found.length === 0) found.push({ bad: false, text: `every layer has one; mean norms ${range}` });
  return found;
}

const short = (norm: number): string => (norm < 1e-3 || norm >= 1e4 ? norm.toExponential(1) : norm.toPrecision(2));

function layerOf(name: string, records: readonly Pick<StepRecord, 'step' | 'layers'>[]): Layer {
  const norms = records.map(({ layers }) => layers[name]?.norm ?? 0);
  const at = norms.findIndex((norm) => !Number.isFinite(norm));
  const finite = norms.filter(Number.isFinite);
  const mean = finite.length === 0 ? 0 : finite.reduce((sum, norm) => sum + norm, 0) / finite.length;
  return { name, mean, overflow: at < 0 ? undefined : records[at]!.step };
}

const MOST_NAMES = 6;

function namesOf(layers: readonly Layer[]): string {
  const more = layers.length > MOST_NAMES ? [`and ${layers.length - MOST_NAMES} more`] : [];
  return [...layers.slice(0, MOST_NAMES).map(({ name }) => name), ...more].join(', ');
}
