/** Small integers: codes, how they are found, and where they are kept. */
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'the halves of int8 for MatMulNBits are scaled alike',
    file: 'src/compiler/backends/onnx/nbits.ts',
    find: "emit.op('Mul', [scalesOf(emit, weight), emit.scalar(16)])",
    replace: "emit.op('Mul', [scalesOf(emit, weight), emit.scalar(15)])",
    test: 'test/quantise/matmul-nbits.onnxruntime.test.ts',
    fails: 'on opset 17, a batch, one row, none',
  },
  {
    fault: 'GPTQ does not make up for what rounding a column loses',
    file: 'src/compiler/workbench/quantise/gptq.ts',
    find: '-= error * own[other]!',
    replace: '-= 0 * error * own[other]!',
    test: 'test/quantise/gptq.test.ts',
    fails: 'has the codes, scales and zeros of NumPy',
  },
  {
    fault: 'codes of a GGUF file stay in the order of its blocks',
    file: 'src/runtime/weights/readers/gguf-codes.ts',
    find: '((first & 15) | ((second & 15) << 4)) ^ 0x88',
    replace: 'first ^ 0x88',
    test: 'test/quantise/gguf.test.ts',
    fails: 'the numbers of ggml, to the bit',
  },
  {
    fault: 'a page that compiles a quantised model leaves its codes out',
    file: 'src/compiler/workbench/host.browser.ts',
    find: 'planned.packed ?? []',
    replace: '[]',
    test: 'test/quantise/page.onnxruntime.test.ts',
    fails: 'products as int4, the rest as int8',
  },
  {
    fault: 'what fills a cache counts as logits, and stays int8',
    file: 'src/compiler/graphs.ts',
    find: 'graph.outputs.filter(({ name }) => !presents.has(name))',
    replace: 'graph.outputs',
    test: 'test/quantise/choose.test.ts',
    fails: 'int4 takes what is kept in a cache',
  },
  {
    fault: 'the maximum of a block of moments leaves out negative ones',
    file: 'src/compiler/training/eight-bit.ts',
    find: "b.node('max', [b.node('abs', [blocks], {})],",
    replace: "b.node('max', [blocks],",
    test: 'test/training/eight-bit.test.ts',
    fails: 'is NumPy on the interpreter',
  },
];
