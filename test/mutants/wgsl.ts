/** WebGPU kernels: functions outside of their domains, integers past 32 bits, launches past a device's limit. */
import type { Mutant } from './mutant.ts';

const SCALAR = 'test/backends/wgsl/scalar-functions.webgpu.test.ts';

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
];
