/** Five steps of AdamW on TinyGPT-V, on ONNX Runtime and on the interpreter, beside those of the authors' code. */
import { describe, test } from 'vitest';
import { openGraphs } from '../../src/compiler/workbench/session.ts';
import type { WeightProvider } from '../../src/compiler/workbench/weights/provider.ts';
import { expectAdamW, type Read } from './adamw-steps.ts';

const providerOf = (read: Read): WeightProvider => ({
  origin: 'test',
  trained: true,
  read: async (key) => read(key),
  async *chunks(key) {
    const { data } = read(key);
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  },
  close: async () => {},
});

const TARGETS = [
  { backend: 'reference', opset: 17 },
  { backend: 'onnx', opset: 17 },
  { backend: 'onnx', opset: 23 },
] as const;

describe.each(['stage1', 'stage2'] as const)('%s', (name) => {
  test.each(TARGETS)('on $backend, opset $opset', (target) =>
    expectAdamW(name, {}, (graphs, read) => openGraphs(graphs, providerOf(read), target)),
  );
});
