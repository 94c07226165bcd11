/** Models that are judged while they train: WebGPU sees what ONNX Runtime sees. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { folderWith } from '../support/folder.ts';
import { arraysFolder } from './data-kinds.ts';
import { looksOf, trained } from './validation-cases.ts';

test.skipIf(unavailable)('the same looks', { timeout: 600_000 }, async () => {
  const [data, runs] = [arraysFolder(), folderWith()];
  const options = { data, valSplit: 0.25, valEvery: 2, steps: 4, keepBest: true } as const;
  for (const backend of ['onnx', 'webgpu']) await trained(join(runs, backend), { ...options, backend });
  const [onnx, webgpu] = ['onnx', 'webgpu'].map((name) => looksOf(join(runs, name)));
  expect(webgpu!.map(({ step, rows, best }) => [step, rows, best])).toEqual(
    onnx!.map(({ step, rows, best }) => [step, rows, best]),
  );
  for (const [i, { validation }] of webgpu!.entries()) {
    expect(Math.abs(validation.loss! - onnx![i]!.validation.loss!)).toBeLessThan(1e-4);
    expect(validation.accuracy).toBeCloseTo(onnx![i]!.validation.accuracy!, 5);
  }
});
