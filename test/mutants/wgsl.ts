/** WebGPU kernels: functions outside of their domains, integers past 32 bits, launches past a device's limit. */
import type { Mutant } from './mutant.ts';

const SCALAR = 'test/backends/wgsl/scalar-functions.webgpu.test.ts';
const INTEGERS = 'test/backends/wgsl/integers.webgpu.test.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "log is WGSL's own: log(−2) is a number, log(0) −88, so a diverged loss looks finite",
    file: 'src/compiler/backends/wgsl/text/scalar.ts',
    find: "log: call('log_of'),",
    replace: "log: plain('log'),",
    test: SCALAR,
    fails: 'on a device, profile gpu > log',
  },
  {
    fault: "exp is WGSL's own: e^NaN is ∞",
    file: 'src/compiler/backends/wgsl/text/scalar.ts',
    find: "exp: call('exp_of'),",
    replace: "exp: plain('exp'),",
    test: SCALAR,
    fails: 'on a device, profile gpu > exp',
  },
  {
    fault: 'the turns of a large argument are counted in f32: sin(1e6) is off by 0.03, sin(1e10) is 5e21',
    file: 'src/compiler/backends/wgsl/text/library-trigonometry.ts',
    find: '  if (abs(x) >= 8192.0) { return many_turns(x); }\n',
    replace: '',
    test: SCALAR,
    fails: 'on a device, profile gpu > sin',
  },
  {
    fault: 'bool(NaN) is false',
    file: 'src/compiler/backends/wgsl/text/scalar.ts',
    find: "if (to === 'bool') return from === 'f32' ?",
    replace: "if (to === 'bool') return from === 'bool' ?",
    test: SCALAR,
    fails: 'on a device, profile gpu > bool',
  },
  {
    fault: 'pow(−1, ±∞) is NaN in the interpreter, as JavaScript has it',
    file: 'src/compiler/ops/arithmetic.ts',
    find: ' || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY)',
    replace: '',
    test: SCALAR,
    fails: 'the interpreter > pow',
  },
  {
    fault: 'an input past 32 bits is cut off: 3000000000 becomes −1294967296',
    file: 'src/runtime/webgpu/words.ts',
    find: 'const HIGHEST = 2n ** 31n - 1n;',
    replace: 'const HIGHEST = 2n ** 32n - 1n;',
    test: INTEGERS,
    fails: 'on a device, profile gpu > an input is refused where it enters',
  },
  {
    fault: 'a sum that leaves 32 bits wraps around without a word',
    file: 'src/runtime/webgpu/program.ts',
    find: '      this.checkIntegers(tensors[read.length]);\n',
    replace: '',
    test: INTEGERS,
    fails: "on a device, profile gpu > 'sum'",
  },
  {
    fault: 'the sum of up to n integers is taken to be as small as one of them',
    file: 'src/compiler/backends/wgsl/integers.ts',
    find: '      return times(a, count(node.attributes.axes.map((axis) => shape(0)[axis]!)));',
    replace: '      return a;',
    test: INTEGERS,
    fails: "on a device, profile gpu > 'sum'",
  },
  {
    fault: 'a constant past 32 bits is a kernel that does not compile',
    file: 'src/compiler/backends/wgsl/integers.ts',
    find: '    refuse(graph, users.get(value), own.low < LOWEST ? own.low : own.high);\n',
    replace: '',
    test: INTEGERS,
    fails: 'what is known when the graph is compiled > a constant that does not fit is an error',
  },
  {
    fault: 'workgroups past the limit of an axis are launched along it all the same: 70,001 products are refused',
    file: 'src/runtime/webgpu/dispatch.ts',
    find: '  return [Math.ceil(groups / rows), rows, 1];',
    replace: '  return [groups, 1, 1];',
    test: 'test/runtime/webgpu/dispatch.test.ts',
    fails: 'workgroups > [1,1,70001]',
  },
  {
    fault: 'a kernel takes the second row of a folded launch for the first one again',
    file: 'src/compiler/backends/wgsl/families/grid.ts',
    find: 'let index = group.y * groups.x + group.x;',
    replace: 'let index = group.x;',
    test: 'test/backends/wgsl/launches.webgpu.test.ts',
    fails: "on a device, profile software > 'matmul, a batch of small ones'",
  },
];
