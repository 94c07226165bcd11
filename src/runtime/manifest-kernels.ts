/** What a manifest says of functions that compute entries in place (host-kernels.ts), checked: it may come from a stranger's server. */
import type { EntryManifest, KernelCall, TensorPort } from '../shared/artifact.ts';
import { sizeOf } from '../shared/tensor.ts';
import { checkFile, isObject, type Json, need } from './manifest-checks.ts';

/** A module's functions for entries: their ports, sizes and texts. */
export function checkKernels(kernels: unknown, entries: Json): void {
  if (kernels === undefined) return;
  const damaged = 'has damaged kernels';
  need(isObject(kernels) && isObject(kernels.calls), damaged);
  const { file, calls } = kernels as { readonly file: unknown; readonly calls: Json };
  checkFile(file, 'the kernels');
  const isText = (one: unknown): boolean => typeof one === 'string';
  const isCall = (one: unknown): boolean => {
    const { kernel, tensors, scalars, elements } = (isObject(one) ? one : {}) as Json;
    return (
      isText(kernel) &&
      Number.isSafeInteger(elements) &&
      Array.isArray(tensors) &&
      tensors.every(
        (pair: unknown) => isObject(pair) && isText(pair.input) && (pair.output === undefined || isText(pair.output)),
      ) &&
      Array.isArray(scalars) &&
      scalars.every(isText)
    );
  };
  for (const [entry, list] of Object.entries(calls)) {
    need(Object.hasOwn(entries, entry) && Array.isArray(list) && list.every(isCall), damaged);
    need(
      callsFit(list as KernelCall[], entries[entry] as EntryManifest),
      `has kernels of ${entry} that are not for its ports`,
    );
  }
}

/** Whether calls name the ports of an entry, each with as many elements as they say, and every output once. */
function callsFit(calls: readonly KernelCall[], { inputs, outputs }: EntryManifest): boolean {
  const elementsOf = (ports: readonly TensorPort[], name: string): number => {
    const port = ports.find((one) => one.name === name);
    const fixed = port?.dtype === 'f32' && port.shape.every((dim) => typeof dim === 'number');
    return fixed ? sizeOf(port.shape as readonly number[]) : -1;
  };
  const written = calls.flatMap(({ tensors }) =>
    tensors.flatMap(({ output }) => (output === undefined ? [] : [output])),
  );
  const read = calls.flatMap(({ tensors }) => tensors.map(({ input }) => input));
  const once = (names: readonly string[]): boolean => new Set(names).size === names.length;
  return (
    once(written) &&
    once(read) &&
    written.length === outputs.length &&
    calls.every(
      ({ tensors, scalars, elements }) =>
        tensors.every(
          ({ input, output }) =>
            elementsOf(inputs, input) === elements &&
            (output === undefined || elementsOf(outputs, output) === elements),
        ) && scalars.every((name) => elementsOf(inputs, name) === 1),
    )
  );
}
