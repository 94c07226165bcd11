import { defineConfig } from 'vitest/config';
import { adapterEnvironment } from './test/support/adapter-environment.ts';

// before the workers start: the loader reads LD_LIBRARY_PATH, and the Vulkan loader its drivers, at a process's start
Object.assign(process.env, adapterEnvironment());

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 240_000, // kernels compile slowly on a software adapter when the machine is busy
    hookTimeout: 300_000,
    maxWorkers: 2,
    pool: 'forks',
  },
});
