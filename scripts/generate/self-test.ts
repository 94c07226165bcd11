/**
 * The kernels of `runSelfTest()`: the program that `mdl doctor` runs, compiled to a WebGPU plan, and what the float64
 * interpreter says of made-up inputs. Pages have neither the compiler nor the interpreter.
 */
import { type FinishedGraph, graphsOf } from '../../src/compiler/graphs.ts';
import { compile } from '../../src/compiler/index.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { webgpu } from '../../src/compiler/targets/webgpu.ts';
import { madeUpFeeds } from '../../src/compiler/workbench/doctor/feeds.ts';
import { KERNELS, KERNELS_FILE } from '../../src/compiler/workbench/doctor/kernels.ts';
import type { KernelFamily, SelfTestKernels } from '../../src/runtime/self-test/kernels.ts';
import { narrow, type WideTensor, widen } from '../../src/shared/tensor.ts';
import { banner, type Generator } from './files.ts';

const SOURCE = 'src/compiler/workbench/doctor/kernels.ts';

export const selfTest: Generator = {
  name: 'self-test',
  inputs: [SOURCE],
  async generate() {
    const { model, diagnostics } = compile(KERNELS_FILE, {
      read: (path) => (path === KERNELS_FILE ? KERNELS : undefined),
    });
    const graphs = model && graphsOf(model);
    if (!graphs) throw new Error(`the program of kernels does not compile: ${diagnostics()[0]?.message}`);
    const seen = new Set<string>();
    const families = Object.fromEntries(graphs.entries.map((entry) => [entry.name, familyOf(entry, seen)]));
    const kernels: SelfTestKernels = { plan: webgpu.compile(graphs).plan, families };
    const text = [
      banner(SOURCE),
      "import type { SelfTestKernels } from './kernels.ts';\n\n",
      `export const KERNELS = JSON.parse(\n  ${JSON.stringify(JSON.stringify(kernels))},\n) as SelfTestKernels;\n`,
    ];
    return [{ path: 'src/runtime/self-test/kernels.generated.ts', text: text.join('') }];
  },
};

/** @param seen ops of the families before it, to which its own are added */
function familyOf({ guarded: { graph } }: FinishedGraph, seen: Set<string>): KernelFamily {
  const ops = [...new Set(graph.nodes.map(({ op }) => op))].filter((op) => !seen.has(op));
  for (const op of ops) seen.add(op);
  const inputs = new Map(Object.entries(madeUpFeeds(graph)).map(([name, tensor]) => [name, widen(tensor)]));
  const parameters = (key: string): never => {
    throw new Error(`the kernels of the self-test have no weights, and ${key} is one`);
  };
  const outputs = [...interpret(graph, { inputs, parameters })];
  return {
    ops,
    expected: Object.fromEntries(outputs.map(([name, tensor]) => [name, base64Of(tensor)])),
  };
}

function base64Of(tensor: WideTensor): string {
  const { dtype, data } = narrow(tensor);
  const words = Buffer.alloc(4 * data.length);
  for (const [i, value] of [...data].entries())
    if (dtype === 'f32') words.writeFloatLE(value as number, 4 * i);
    else words.writeInt32LE(Number(value), 4 * i);
  return words.toString('base64');
}
