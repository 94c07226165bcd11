/** NaN, empty sizes, masked keys, bytes of bools, fed arrays, and graphs that break a rule. */
import type { Mutant } from './mutant.ts';

const INTERPRETER = 'test/ops/special-values.test.ts';
const ONNX = 'test/backends/onnx/special-values.onnxruntime.test.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'argmax passes over NaN',
    file: 'src/compiler/ops/reductions.ts',
    find: 'if (at(i) > at(best) || Number.isNaN(at(i))) best = i;',
    replace: 'if (at(i) > at(best)) best = i;',
    test: INTERPRETER,
    fails: 'argmax of rows',
  },
  {
    fault: 'the gradient of max at NaN is 0, so a diverged loss trains on',
    file: 'src/compiler/passes/autodiff/gradients/reductions.ts',
    find: 'emit.where(nobody, emit.scalar(Number.NaN), emit.scalar(0))',
    replace: 'emit.where(nobody, emit.scalar(0), emit.scalar(0))',
    test: INTERPRETER,
    fails: 'max of rows',
  },
  {
    fault: "max drops NaN, as ONNX Runtime's ReduceMax does",
    file: 'src/compiler/backends/onnx/lowerings/reductions.ts',
    find: "if (type.dtype !== 'f32' || axes.length === 0) return [y];",
    replace: "if (type.dtype !== 'bool' || axes.length === 0) return [y];",
    test: ONNX,
    fails: 'max of long rows',
  },
  {
    fault: 'the mean of nothing is 0 in ONNX Runtime',
    file: 'src/compiler/backends/onnx/lowerings/reductions.ts',
    find: 'if (neverZero(count)) return',
    replace: 'if (count !== undefined) return',
    test: ONNX,
    fails: 'mean of nothing',
  },
  {
    fault: 'NaN in a masked value reaches every query of its sequence in ONNX Runtime',
    file: 'src/compiler/backends/onnx/lowerings/attention.ts',
    find: 'const values = shownRows(emit, v.name, mask);',
    replace: 'const values = v.name;',
    test: ONNX,
    fails: 'attention with nan in masked values',
  },
  {
    fault: 'NaN of a later key or value reaches the queries of its tile, in kernels and their gradients',
    file: 'src/compiler/backends/wgsl/families/attention-parts.ts',
    find: 'and(...weights.seen.flat().map(all))',
    replace: 'less(u32(0), 1)',
    test: 'test/backends/wgsl/attention-hidden.webgpu.test.ts',
    fails: "profile software > 'causal'",
  },
  {
    fault: 'NaN of a later value reaches the queries of its workgroup',
    file: 'src/compiler/backends/wgsl/families/attention-workgroup.ts',
    find: 'equal(seenBy, 2 ** rows - 1)',
    replace: 'equal(seenBy, seenBy)',
    test: 'test/backends/wgsl/attention-hidden.webgpu.test.ts',
    fails: "profile gpu > 'causal'",
  },
  {
    fault: "an empty batch is refused by ONNX Runtime's MatMul, where a matrix is stretched over it",
    file: 'src/compiler/backends/onnx/lowerings/contraction.ts',
    find: 'if (!stretched.includes(true) ||',
    replace: 'if (stretched.length >= 0 ||',
    test: ONNX,
    fails: 'matmul of no matrices',
  },
  {
    fault: 'a byte of 255 is another truth than 1 in ONNX Runtime',
    file: 'src/runtime/feeds.ts',
    find: 'data.every((byte) => byte <= 1)',
    replace: 'data.every((byte) => byte <= 255)',
    test: 'test/runtime/feeds.test.ts',
    fails: 'bytes of bools other than 0 and 1 are true',
  },
  {
    fault: 'an array that changes right after run() changes its result',
    file: 'src/runtime/session.ts',
    find: 'borrow ? feeds : copyFeeds(feeds)',
    replace: 'feeds',
    test: 'test/runtime/feeds.test.ts',
    fails: 'an array that changes after the call changes nothing',
  },
];
