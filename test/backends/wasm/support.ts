/** Runs update graphs as the WebAssembly that stands beside them. */
import { wasmKernels } from '../../../src/compiler/backends/wasm/kernels.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import type { HostProgram } from '../../../src/runtime/backend.host.ts';
import type { EntryPorts } from '../../../src/runtime/backend.ts';
import { kernelProgram } from '../../../src/runtime/host-kernels.ts';
import { printDim } from '../../../src/shared/dim.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import { narrow, type WideTensor } from '../../../src/shared/tensor.ts';
import { PORTS } from '../../../src/shared/training.ts';

/** Which input an output of the graph replaces, by the trainer's ports. */
export function over(graph: Graph): (output: string) => string | undefined {
  const replaced = new Map(graph.inputs.map(({ name }) => [PORTS.next(name), name]));
  return (output) => replaced.get(output);
}

export const kernelsOf = (graph: Graph) => wasmKernels(graph, over(graph))!;

export async function programOf(graph: Graph): Promise<HostProgram> {
  const { bytes, calls } = kernelsOf(graph);
  const port = ({ name, value }: { readonly name: string; readonly value: number }) => {
    const { dtype, shape } = graph.types[value]!;
    return { name, dtype, shape: shape.map((dim) => (typeof dim === 'number' ? dim : printDim(dim))) };
  };
  const ports: EntryPorts = { inputs: graph.inputs.map(port), outputs: graph.outputs.map(port), cache: [] };
  return (await kernelProgram(bytes, calls, ports))!;
}

export const onHost = (feeds: Iterable<readonly [string, WideTensor]>): Record<string, HostTensor> =>
  Object.fromEntries([...feeds].map(([name, tensor]) => [name, narrow(tensor)]));
