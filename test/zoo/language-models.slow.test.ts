/** Gradients on WebGPU of the models that share a file with one of language-models.test.ts: their kernels differ in little and take as long to compile. */
import { afterAll, describe } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { CASES, FIRST_OF_FILE, gradientsTest } from './language-models.ts';
import { type Opened, openCase } from './support.ts';

describe.skipIf(unavailable).each(CASES.filter((model) => !FIRST_OF_FILE.has(model)))('$name on webgpu', (model) => {
  let opened: Promise<Opened> | undefined;
  afterAll(async () => (await opened)?.close());
  gradientsTest(model, () => {
    opened ??= openCase(model, 'webgpu');
    return opened;
  });
});
