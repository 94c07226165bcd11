/** The symbols of an entry from the shapes of a run's feeds. The session has checked the shapes before. */
import { CAPACITY } from '../../shared/webgpu.ts';
import type { AnyTensors } from '../device-tensor.ts';
import { type Binding, bindDims, type Measured } from '../dims.ts';
import { runtimeError } from '../errors.ts';
import type { EntryLayout } from './layout.ts';

/** @throws RuntimeError R0207 for an input that is missing, R0211 when the shapes contradict each other */
export function bindSymbols(layout: EntryLayout, feeds: AnyTensors): Map<string, number> {
  const measured = new Map<string, Measured>();
  layout.inputs.forEach(({ name, dims }, index) => {
    const feed = feeds[name];
    if (!feed && layout.pasts[index]! < 0) {
      const shape = `[${layout.plan.inputs[index]!.shape.join(', ')}]`;
      throw runtimeError('R0207', { entry: layout.name, input: name, shape });
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
  if (clash) {
    const { input, axis, size, expected, because } = clash;
    const port = layout.plan.inputs.find((one) => one.name === input)!;
    const dim = String(port.shape[axis]);
    throw runtimeError('R0211', { entry: layout.name, input, axis, dim, found: size, expected, because });
  }
  const symbols = new Map<string, number>([[CAPACITY, 0]]);
  for (const [symbol, { size }] of bindings) symbols.set(symbol, size);
  return symbols;
}
