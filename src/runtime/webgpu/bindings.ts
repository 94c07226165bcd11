/** The symbols of an entry from the shapes of a run's feeds. The session has checked the shapes before. */

import { type Binding, bindDims, type Measured } from '../../shared/bind-dims.ts';
import { CAPACITY } from '../../shared/webgpu.ts';
import type { AnyTensors } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import { dimConflict } from '../feeds.ts';
import type { EntryLayout } from './layout.ts';

/** Along an axis of a tensor in a buffer of 2³² bytes. What a plan computes of sizes (backends/wgsl/integers.ts) counts on it. */
const LARGEST_SIZE = 2 ** 30 - 1;

/** @throws RuntimeError R1015 for a size that no buffer has, R0207 for an input that is missing, R0211 when the shapes contradict each other */
export function bindSymbols(layout: EntryLayout, feeds: AnyTensors): Map<string, number> {
  const measured = new Map<string, Measured>();
  layout.inputs.forEach(({ name, dims }, index) => {
    const feed = feeds[name];
    if (!feed && layout.pasts[index]! < 0) {
      const shape = `[${layout.plan.inputs[index]!.shape.join(', ')}]`;
      throw runtimeError('missing_input', { entry: layout.name, input: name, shape });
    }
    const growing = layout.plan.cache[layout.pasts[index]!]?.axis;
    dims.forEach((dim, axis) => {
      const text = layout.plan.inputs[index]!.shape[axis]!;
      const size = feed ? feed.shape[axis]! : 0;
      // every layer's cache says the same: once is enough
      if (feed || axis === growing) measured.set(`${text} ${size}`, { input: name, axis, dim, size });
    });
  });
  const bindings = new Map<string, Binding>();
  const clash = bindDims([...measured.values()], bindings);
  if (clash) throw dimConflict(layout.name, layout.plan.inputs, clash);
  const large = [...measured.values()].find(({ size }) => size > LARGEST_SIZE);
  if (large) throw runtimeError('axis_too_long', { entry: layout.name, ...large, limit: LARGEST_SIZE });
  const symbols = new Map<string, number>([[CAPACITY, 0]]);
  for (const [symbol, { size }] of bindings) symbols.set(symbol, size);
  return symbols;
}
