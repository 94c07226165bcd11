import { defineConfig } from 'vitest/config';
import { adapterEnvironment } from './test/support/adapter-environment.ts';

// before the workers start: the loader reads LD_LIBRARY_PATH, and the Vulkan loader its drivers, at a process's start
Object.assign(process.env, adapterEnvironment());

/**
 * The tiers, cheapest first. A file belongs to the first that names it below `unit`; what none names is `unit`. One
 * tier: `npx vitest run --project unit`; one test: `npx vitest run test/shared/special.test.ts -t sigmoid`.
 */
const TIERS = {
  /** ONNX Runtime, or the command line as a process */
  onnx: [
    'test/**/*.onnxruntime.test.ts',
    'test/cli/**/*.test.ts',
    'test/docs/**/*.test.ts',
    'test/tinygptv/**/*.test.ts',
    'test/training/**/*.test.ts',
    'test/runtime/train/**/*.test.ts',
  ],
  /** kernels on a software WebGPU adapter, where they compile slowly */
  webgpu: [
    'test/**/*.webgpu.test.ts',
    'test/**/webgpu.test.ts',
    'test/backends/wgsl/**/*.test.ts',
    'test/backends/typescript/**/*.test.ts',
    'test/runtime/webgpu/**/*.test.ts',
    'test/hosts/halves.test.ts',
    'test/zoo/**/*.test.ts',
  ],
  /** headless Chromium, Deno */
  browser: ['test/browser/**/*.test.ts', 'test/hosts/deno.test.ts'],
  /** what takes minutes: kernels for GPUs, which a software adapter is slow to compile, the same at further sizes and in further places; not of `npm test` */
  slow: ['test/**/*.slow.test.ts'],
  /** the packed tarball in other people's tools; installs those from the registry; not of `npm test` */
  package: ['test/package/**/*.test.ts'],
  /** models written for PyTorch, run by it; not of `npm test` */
  pytorch: ['test/pytorch/**/*.test.ts'],
};

const SECONDS = { unit: 60, onnx: 120, webgpu: 600, browser: 300, slow: 900, package: 600, pytorch: 300 } as const;
const slower = ['pytorch', 'package', 'slow', 'browser', 'webgpu', 'onnx'] as const;
const setupFiles = ['test/support/setup.ts'];
/**
 * Tiers whose files share a worker's modules: loading the compiler anew for each file took as long as the tests. What files have
 * in common they give back by `atFileEnd` (test/support/file-end.ts). The others have few files, which start programs.
 */
const SHARED: readonly string[] = ['unit', 'onnx', 'webgpu'];

export default defineConfig({
  test: {
    // one more than the cores that `npm test` is measured on: a test waits for programs, pages and devices a sixth of its time
    maxWorkers: 3,
    pool: 'forks',
    projects: [
      ...slower.map((name, i) => ({
        test: {
          name,
          include: TIERS[name],
          exclude: slower.slice(0, i).flatMap((other) => TIERS[other]),
          setupFiles,
          isolate: !SHARED.includes(name),
          testTimeout: SECONDS[name] * 1000,
          hookTimeout: 300_000,
          ...(name === 'package' || name === 'pytorch' ? { globalSetup: `test/${name}/global-setup.ts` } : {}),
        },
      })),
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: Object.values(TIERS).flat(),
          setupFiles,
          isolate: !SHARED.includes('unit'),
          testTimeout: SECONDS.unit * 1000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
