/** Faults of sizes that are too small and of indices outside of their tables. */
import type { Mutant } from './mutant.ts';

const SIZES = 'test/runtime/sizes.test.ts';
const INDICES = 'test/runtime/indices.test.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'a range that ends after a short axis is not refused: ONNX Runtime clamps it, WebGPU reads the next row',
    file: 'src/compiler/ops/pieces.ts',
    find: 'return [start, subDims(end, start), subDims(size, end)].map(',
    replace: 'return [start, subDims(end, start)].map(',
    test: SIZES,
    fails: 'range from T = 4 on',
  },
  {
    fault: 'a tensor of size T - 3 may be made with T = 2: a kernel counts to 2³² − 1',
    file: 'src/compiler/ir/builder.ts',
    find: 'for (const dim of types.flatMap(({ shape }) => shape).filter(isSymbolic)) {',
    replace: 'for (const dim of types.flatMap(({ shape }) => shape).filter(() => false)) {',
    test: SIZES,
    fails: 'filled from T = 3 on',
  },
  {
    fault: 'training graphs forget what their loss needs of its sizes',
    file: 'src/compiler/passes/autodiff/index.ts',
    find: 'for (const requirement of graph.requires) builder.require(requirement);',
    replace: '',
    test: SIZES,
    fails: 'the gradient graph has those of its loss',
  },
  {
    fault: 'an output of other sizes than the manifest says is handed on',
    file: 'src/runtime/session.ts',
    find: 'size !== undefined && size !== tensor.shape[axis]',
    replace: 'size === -1',
    test: SIZES,
    fails: 'R0212: has the sizes of the manifest',
  },
  {
    fault: 'a plan without its requirements runs kernels with a size below 0',
    file: 'src/runtime/webgpu/program.ts',
    find: 'if (negative === undefined) return;',
    replace: 'if (negative !== -1) return;',
    test: 'test/runtime/webgpu/program.test.ts',
    fails: 'refuses a size below 0 before a kernel counts up to it',
  },
  {
    fault: 'a computed index is not checked: -1 is the last row on ONNX Runtime and zeros on WebGPU',
    file: 'src/compiler/checks/index.ts',
    find: 'return bounds.length === 0 ? [] : [{ demand, bounds }];',
    replace: 'return [];',
    test: INDICES,
    fails: 'difference, case 0',
  },
  {
    fault: 'an index that is an input plus a number has the range of the table itself',
    file: 'src/compiler/checks/input-ranges.ts',
    find: "node.op === 'add' ? -right : right",
    replace: '0',
    test: INDICES,
    fails: 'shifted, case 2',
  },
  {
    fault: 'scatter_add drops what has no row',
    file: 'src/compiler/ops/gather.ts',
    find: "    indices: indicesOf,\n    integers: added,\n    infer(inputs, { axis }) {\n      const type = expectDType('scatter_add'",
    replace: "    integers: added,\n    infer(inputs, { axis }) {\n      const type = expectDType('scatter_add'",
    test: INDICES,
    fails: 'scattered, case 11',
  },
  {
    fault: 'a wrong index is not noticed when only other outputs are fetched',
    file: 'src/runtime/session.ts',
    find: 'return checks && fetch ? { ...rest, fetch: [...fetch, checks.output] } : options;',
    replace: 'return options;',
    test: INDICES,
    fails: 'whatever is fetched and kept',
  },
  {
    fault: 'int(clamp(x, 0, 9)) counts as an index below 10 though NaN is none',
    file: 'src/compiler/checks/intervals.ts',
    find: 'if (a.nan) return ANY_FLOAT;',
    replace: '',
    test: INDICES,
    fails: 'what may be NaN, clamped',
  },
  {
    fault: 'the other branch of a where is taken for an index that is inside',
    file: 'src/compiler/checks/input-ranges.ts',
    find: 'if (!stands || !fits(other, range.low, range.high)) return undefined;',
    replace: 'if (!stands) return undefined;',
    test: INDICES,
    fails: 'the other branch of a `where` is an index as well',
  },
];
