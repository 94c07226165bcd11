/** Functions and modules of the language by the kernels for GPUs: torch's numbers. */
import { describe, expect, test } from 'vitest';
import { functionGraphs, loadFunctionCases } from '../../ops/function-cases.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf } from '../../support/webgpu.ts';
import { differences, runGraph } from './support.ts';

describe.skipIf(unavailable)('on a device of the profile gpu', () => {
  test.each(loadFunctionCases())('$name matches torch', async (one) => {
    const results = await runGraph(await gpuOf('gpu'), functionGraphs(one).forward, one.inputs, one.parameters);
    expect(differences(results, new Map([['out', one.output]]))).toBeUndefined();
  });
});
