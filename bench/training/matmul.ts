/** The peer of a training step: ONNX Runtime's own MatMul, with weights that it may pack, in a chain of equal ones. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel, lowerToOnnx } from '../../src/compiler/backends/onnx/index.ts';
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';

const PAIRS = 4;

const RUNS = 6;

/**
 * Milliseconds of processor time that `work` takes, the least of `times` runs after one other. Of one thread that never
 * waits it is what the clock would show on a machine with nothing else to do.
 */
export async function processorTime(work: () => unknown, times: number): Promise<number> {
  const taken: number[] = [];
  for (let i = -1; i < times; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    if (i >= 0) taken.push((user + system) / 1000);
  }
  return Math.min(...taken);
}

/**
 * GFLOP/s on one thread of x [rows, width] · w₁ [width, inner] · w₂ [inner, width] · w₁ · …; `rows` = `width` = `inner` = 512 is the usual
 * yardstick, the width and the inner width of an MLP are the model's own shape.
 */
export async function matmulRate(rows: number, width: number, inner: number): Promise<number> {
  const b = new GraphBuilder('chain');
  let x = b.input('x', 'f32', [rows, width]);
  for (let pair = 0; pair < PAIRS; pair++) {
    const up = b.parameter(`up.${pair}`, 'f32', [width, inner]);
    const down = b.parameter(`down.${pair}`, 'f32', [inner, width]);
    for (const weight of [up, down]) x = b.node('matmul', [x, weight], { transpose_a: false, transpose_b: false });
  }
  b.output('y', x);
  const { model } = lowerToOnnx(b.build(), {
    opset: 17,
    parameters: (key) => {
      const [from, to] = key.startsWith('up') ? [width, inner] : [inner, width];
      // small, so that the chain neither grows nor vanishes
      const data = Float32Array.from({ length: from * to }, (_, i) => Math.sin(i) / Math.sqrt(from));
      return { kind: 'inline', tensor: { dtype: 'f32', shape: [from, to], data } };
    },
  });
  const session = await InferenceSession.create(encodeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    const feed = new Tensor('float32', Float32Array.from({ length: rows * width }, Math.cos), [rows, width]);
    const took = await processorTime(() => session.run({ x: feed }), RUNS);
    return (PAIRS * 2 * 2 * rows * width * inner) / (took * 1e6);
  } finally {
    await session.release();
  }
}
