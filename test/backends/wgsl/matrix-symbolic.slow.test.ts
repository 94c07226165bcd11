/** Reference cases with a symbolic first axis by the kernels for GPUs, which a software adapter is slow to compile. */
import { describe, expect, test } from 'vitest';
import { batchInputs, loadCases } from '../../ops/reference-cases.ts';
import { unavailable } from '../../support/adapter.ts';
import { expectTorch } from './support.ts';

const cases = loadCases().filter((reference) => batchInputs(reference).length > 0);

test('some cases allow a symbolic batch', () => {
  expect(cases.length).toBeGreaterThan(100);
});

describe.skipIf(unavailable)('symbolic batch, profile gpu', () => {
  test.each(cases)('$name', (reference) => expectTorch(reference, 'gpu', 'B'));
});
