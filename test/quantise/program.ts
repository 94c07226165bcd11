/** A small model with a table, products, a residual stream and logits, and whether two targets agree on it. */
import { expect } from 'vitest';
import type { Session } from '../../src/runtime/session.ts';

export const program = (...rules: string[]): string => `import { Embedding, LayerNorm, Linear } from "std"
config base { d = 64, vocab = 96 }
model Tiny {
  embed = Embedding(vocab, d)
  norm = LayerNorm(d)
  up = Linear(d, 128)
  down = Linear(128, d)
  head = Linear(d, vocab, with_bias = false)
  entry run(ids: int[B, T]) -> (logits: [B, T, vocab], hidden: [B, T, d]) {
    let x = embed(ids)
    let y = x + down(gelu(up(norm(x))))
    (head(y), y)
  }
}
${rules.join('\n')}
`;

export const RULES: readonly (readonly [what: string, rules: readonly string[]])[] = [
  [
    'products as int4, the rest as int8',
    ['quantise up, down as int4(group = 32)', 'quantise head, embed as int8(group = 64)'],
  ],
  [
    'zeros, a table of int4',
    [
      'quantise up as int4(group = 64, zeros = true)',
      'quantise down, head as int8(group = 32, zeros = true)',
      'quantise embed as int4',
    ],
  ],
  [
    'HQQ',
    [
      'quantise up, head as int4(group = 64, zeros = true, method = "hqq")',
      'quantise down, embed as int8(group = 32, zeros = true, method = "hqq")',
    ],
  ],
  ['a table of int8 with zeros', ['quantise embed as int8(group = 32, zeros = true)']],
];

export const feeds = (rows: number, length: number) => ({
  ids: {
    dtype: 'i64' as const,
    shape: [rows, length],
    data: BigInt64Array.from({ length: rows * length }, (_, i) => BigInt((i * 37 + 5) % 96)),
  },
});

/** Within 1e-5 of the oracle's largest number; a batch, one position, none. */
export async function expectEqual(oracle: Session, session: Session): Promise<void> {
  for (const [rows, length] of [
    [2, 7],
    [1, 1],
    [3, 0],
  ] as const) {
    const [expected, found] = [
      await oracle.run('run', feeds(rows, length)),
      await session.run('run', feeds(rows, length)),
    ];
    for (const name of ['logits', 'hidden']) {
      const [want, have] = [expected[name]!.data as Float32Array, found[name]!.data as Float32Array];
      expect(have.length).toBe(want.length);
      const error = Math.max(0, ...want.map((value, i) => Math.abs(value - have[i]!)));
      expect(error).toBeLessThanOrEqual(1e-5 * Math.max(0, ...want.map(Math.abs)));
    }
  }
}
