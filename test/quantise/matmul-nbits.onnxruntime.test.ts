/** MatMulNBits of ONNX Runtime computes with the numbers of the interpreter, on the codes as they are stored. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeModel } from '../../src/compiler/backends/onnx/index.ts';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { compile } from '../../src/compiler/index.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { NODE } from '../../src/compiler/workbench/session.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { openSession, Session } from '../../src/runtime/index.ts';
import { folderWith, mdl } from '../cli/support.ts';
import { memory } from '../support/project.ts';
import { sessionOn } from '../support/targets.ts';
import { expectEqual, program, RULES } from './program.ts';

const opened: Session[] = [];
afterAll(async () => {
  for (const session of opened) await session.dispose();
});

/** A session with MatMulNBits, and the operators of its graph. */
async function contrib(source: string, opset: 17 | 23) {
  const { model } = compile('main.mdl', memory({ 'main.mdl': source }));
  const weights = seededWeights(model!, 0);
  const artifact = TARGETS.onnx.compile(graphsOf(model!)!, { opset, contrib: true });
  const backend = await TARGETS.onnx.open(artifact, weights, NODE);
  const session = await Session.open(artifact.manifest(weights), { backend });
  opened.push(session);
  const [bytes] = artifact.files(weights).values();
  return { session, ops: operators(bytes!) };
}

const operators = (bytes: Uint8Array): readonly string[] =>
  decodeModel(bytes).graph!.node!.map(({ opType, domain }) => (domain ? `${domain}.${opType}` : opType!));

const count = (ops: readonly string[], op: string): number => ops.filter((other) => other === op).length;

describe.each(RULES)('%s', (_, rules) => {
  it('is the interpreter’s function', async () => {
    const source = program(...rules);
    const { session } = await contrib(source, 23);
    await expectEqual(await sessionOn('reference', source), session);
  });
});

/** A product with three groups a row where a group is 128, so that rows of zeros of int4 end within a byte. */
const products = (type: string): string => `import { Linear } from "std"
model M {
  up = Linear(128, 384)
  down = Linear(384, 96, with_bias = false)
  entry run(x: [A, B, 128]) -> (y: [A, B, 96]) { down(tanh(up(x))) }
}
quantise up, down as ${type}
`;

const TYPES = [4, 8].flatMap((bits) =>
  [32, 64, 128].flatMap((group) =>
    ['', ', zeros = true', ', zeros = true, method = "hqq"'].map((more) => `int${bits}(group = ${group}${more})`),
  ),
);

describe.each(TYPES)('%s', (type) => {
  it('on opset 17, a batch, one row, none', async () => {
    const { session, ops } = await contrib(products(type), 17);
    // of int8 one for each half of the codes
    expect(count(ops, 'com.microsoft.MatMulNBits')).toBe(type.startsWith('int8') ? 4 : 2);
    expect(ops).not.toContain('DequantizeLinear');
    const oracle = await sessionOn('reference', products(type));
    for (const [a, b] of [
      [2, 7],
      [1, 1],
      [3, 0],
    ] as const) {
      const data = Float32Array.from({ length: a * b * 128 }, (_, i) => Math.sin(i * 0.37) * 2);
      const feeds = { x: { dtype: 'f32' as const, shape: [a, b, 128], data } };
      const [want, have] = [await oracle.run('run', feeds), await session.run('run', feeds)];
      expect(have.y!.shape).toEqual([a, b, 96]);
      const [wide, found] = [want.y!.data as Float32Array, have.y!.data as Float32Array];
      const error = Math.max(0, ...wide.map((value, i) => Math.abs(value - found[i]!)));
      expect(error).toBeLessThanOrEqual(1e-5 * Math.max(0, ...wide.map(Math.abs)));
    }
  });
});

describe('a matrix that something else reads', () => {
  /** three groups a row: the zeros of a row end within a byte */
  const reads = (forward: string, type: string): string => `model M {
  param w: [96, 96] = normal(std = 0.1)
  entry run(x: [B, 96], ids: int[T]) -> (y: [B, 96], rows: [T, 96]) { ${forward} }
}
quantise w as ${type}
`;

  it.each([
    [
      'is a table too: one copy serves both, as int8',
      '(linear(x, w), gather(w, ids))',
      'int8(group = 32, zeros = true)',
      2,
    ],
    ['is a table too, without zeros', '(linear(x, w), gather(w, ids))', 'int8(group = 32)', 2],
    ['is a table of int4: DequantizeLinear', '(linear(x, w), gather(w, ids))', 'int4(group = 32)', 0],
    ['is multiplied from the other side: DequantizeLinear', '(matmul(linear(x, w), w), gather(w, ids))', 'int8', 0],
    ['is a table too, by HQQ', '(linear(x, w), gather(w, ids))', 'int8(zeros = true, method = "hqq")', 2],
  ])('%s', async (_, forward, type, products) => {
    const source = reads(forward, type);
    const { session, ops } = await contrib(source, 23);
    expect(count(ops, 'com.microsoft.MatMulNBits')).toBe(products);
    expect(ops.includes('DequantizeLinear')).toBe(products === 0);
    const feeds = {
      x: { dtype: 'f32' as const, shape: [2, 96], data: Float32Array.from({ length: 192 }, (_, i) => Math.cos(i)) },
      ids: { dtype: 'i64' as const, shape: [3], data: BigInt64Array.of(0n, 95n, 17n) },
    };
    const [want, have] = [
      await (await sessionOn('reference', source)).run('run', feeds),
      await session.run('run', feeds),
    ];
    for (const name of ['y', 'rows'] as const) {
      const [wide, found] = [want[name]!.data as Float32Array, have[name]!.data as Float32Array];
      const error = Math.max(...wide.map((value, i) => Math.abs(value - found[i]!)));
      expect(error).toBeLessThanOrEqual(1e-5 * Math.max(...wide.map(Math.abs)));
    }
  });
});

describe('mdl compile --contrib-ops', () => {
  const rules = ['quantise up, down as int4(group = 32, zeros = true)', 'quantise embed, head as int8(group = 64)'];

  function written(...own: readonly string[]): string {
    const folder = folderWith();
    writeFileSync(join(folder, 'm.mdl'), program(...own));
    return folder;
  }
  const run = (folder: string, ...args: string[]) =>
    mdl(folder, 'compile', 'm.mdl', '--init', '0', '--out', 'out', '--contrib-ops', ...args);

  it('writes a folder that runs', async () => {
    const folder = written(...rules);
    const { code, stderr } = await run(folder);
    expect([code, stderr]).toEqual([0, '']);
    expect(operators(readFileSync(join(folder, 'out', 'onnx', 'model.onnx')))).toContain('com.microsoft.MatMulNBits');
    const session = await openSession(join(folder, 'out'));
    opened.push(session);
    await expectEqual(await sessionOn('reference', program(...rules)), session);
  });

  it.each([
    [rules, ['--target', 'webgpu'], /error\[C0208\]: .*--contrib-ops.*--target onnx/],
    [[], [], /error\[C0208\]: .*--contrib-ops.*--quantise/],
    [['quantise embed as int4'], [], /error\[C0526\]: .*embed\.weight.*--opset 23/],
  ] as const)('refuses %j %j', async (own, args, says) => {
    const { code, stderr } = await run(written(...own), ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
  });
});
