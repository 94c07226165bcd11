/**
 * Independent kernels as one dispatch: the query, key and value projections of a layer, the two GEMMs that read one
 * normalised input, the gradients of one product. A dispatch costs tens of microseconds whatever it does, and a small
 * one leaves most of a device idle.
 *
 *   norm → qkv → attention → dense → +          norm → qkv ‖ fc1 → attention → dense ‖ fc2 → +
 *        └ fc1 ──────────────→ fc2 ┘
 *
 * A kernel moves forward to an earlier one only if everything it reads has been written by then. Kernels with a template
 * stay among themselves, so that no large product waits for workgroups that do little.
 */
import type { Kernel } from '../kernel.ts';
import type { BufferRef } from '../plan/buffer.ts';

/** How far ahead a companion is looked for: layers are shorter than this. */
const WINDOW = 16;

export interface BundleFacts {
  /** kernels that read what this one writes */
  readersOf(kernel: Kernel): readonly Kernel[];
  /** all buffers that a kernel binds */
  buffersOf(kernel: Kernel): ReadonlySet<BufferRef>;
  /** kernels with unequal texts here cannot be one dispatch */
  classOf(kernel: Kernel): string;
  /** whether one dispatch may bind all these */
  fits(buffers: ReadonlySet<BufferRef>): boolean;
}

/** @param kernels in an order in which they can run */
export function bundle(kernels: readonly Kernel[], facts: BundleFacts): readonly (readonly Kernel[])[] {
  const waiting = new Map<Kernel, number>(kernels.map((kernel) => [kernel, 0]));
  for (const kernel of kernels) {
    for (const reader of facts.readersOf(kernel)) waiting.set(reader, (waiting.get(reader) ?? 0) + 1);
  }
  const done = new Set<Kernel>();
  const bundles: Kernel[][] = [];
  for (const [at, kernel] of kernels.entries()) {
    if (done.has(kernel)) continue;
    const together = [kernel];
    const buffers = new Set(facts.buffersOf(kernel));
    const own = facts.classOf(kernel);
    for (const other of kernels.slice(at + 1, at + 1 + WINDOW)) {
      if (done.has(other) || waiting.get(other)! > 0) continue;
      const union = new Set([...buffers, ...facts.buffersOf(other)]);
      if (!facts.fits(union) || facts.classOf(other) !== own) continue;
      together.push(other);
      for (const buffer of union) buffers.add(buffer);
    }
    for (const one of together) done.add(one);
    for (const one of together) {
      for (const reader of facts.readersOf(one)) waiting.set(reader, waiting.get(reader)! - 1);
    }
    bundles.push(together);
  }
  return bundles;
}
