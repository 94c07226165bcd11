/** Entries with a cache: `cached` joins past and new values; steps through the cache equal one pass without it. */
import { describe, expect, it } from 'vitest';
import { printDim } from '../../src/shared/dim.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { distance, ints, numbers, problems, program, run, tensor, wave, weightsOf } from './support.ts';

const FILE = `import { MultiHeadAttention } from "std"
model M {
  layers = [MultiHeadAttention(4, 2, causal = true) for i in range(2)]
  fn body(x, mask) { for layer in layers { x = layer(x, x, mask) }  x }
  entry whole(x: [B, T, 4], mask: int[B, T]) -> (out: [B, T, 4]) { body(x, mask) }
  entry step(x: [B, T, 4], mask: int[B, P + T]) -> (out: [B, T, 4]) cache P "past" -> "present" { body(x, mask) }
}`;

const slice = (x: WideTensor, from: number, to: number): WideTensor => {
  const [B, T, d] = x.shape as [number, number, number];
  const rows = Array.from({ length: B }, (_, b) => [...x.data.slice((b * T + from) * d, (b * T + to) * d)]);
  return tensor([B, to - from, d], rows.flat(), x.dtype);
};

describe('cached', () => {
  const model = program(FILE);
  const weights = weightsOf(model);
  const x = wave([2, 6, 4]);
  const mask = [1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1];
  const whole = run(model, { x, mask: ints([2, 6], mask) }, { entry: 'whole', weights }).out!;

  /** runs x in pieces of these lengths */
  function pieces(...lengths: number[]): WideTensor[] {
    let state: Record<string, WideTensor> = {};
    for (const { past } of model.entry('step')!.cache) state[past] = tensor([2, 2, 0, 2], []);
    let at = 0;
    return lengths.map((length) => {
      const seen = at + length;
      const out = run(
        model,
        {
          ...state,
          x: slice(x, at, seen),
          mask: ints([2, seen], [...mask.slice(0, seen), ...mask.slice(6, 6 + seen)]),
        },
        { entry: 'step', weights },
      );
      state = Object.fromEntries(model.entry('step')!.cache.map(({ past, present }) => [past, out[present]!]));
      at = seen;
      return out.out!;
    });
  }

  it.each([[[6]], [[4, 1, 1]], [[1, 1, 1, 1, 1, 1]], [[2, 3, 1]]])(
    'in pieces of %j equals the whole, padding included',
    (lengths) => {
      let at = 0;
      for (const [index, piece] of pieces(...lengths).entries()) {
        const length = lengths[index]!;
        expect(distance(piece, slice(whole, at, at + length))).toBeLessThan(1e-12);
        at += length;
      }
    },
  );

  it('a past of length 0 is the uncached result', () => {
    expect(distance(pieces(6)[0], whole)).toBeLessThan(1e-14);
  });

  it('makes one pair of ports per layer, in order, on axis 2', () => {
    const { cache, graph } = model.entry('step')!;
    expect(cache).toEqual(
      [0, 1].flatMap((n) =>
        ['key', 'value'].map((name) => ({ past: `past.${n}.${name}`, present: `present.${n}.${name}`, axis: 2 })),
      ),
    );
    const shapeOf = (name: string) => {
      const port = [...graph.inputs, ...graph.outputs].find((p) => p.name === name)!;
      return graph.types[port.value]!.shape.map(printDim);
    };
    expect(shapeOf('past.1.key')).toEqual(['B', '2', 'P', '2']);
    expect(shapeOf('present.1.key')).toEqual(['B', '2', 'P + T', '2']);
  });

  it('is the value itself in an entry without a cache', () => {
    expect(model.entry('whole')!.cache).toEqual([]);
    expect(model.entry('whole')!.graph.inputs.map(({ name }) => name)).toEqual(['x', 'mask']);
  });
});

describe('mistakes', () => {
  const entry = (body: string) =>
    `model M { entry main(x: [B, 1, T, 2], y: [T, 2]) -> (out: [...]) cache P "past" -> "present" { ${body} } }`;

  it('cached takes [batch, heads, length, head_dim]', () => {
    expect(problems(entry('cached(y, "key")'))).toEqual([
      'E0312 cached(…) takes a tensor of [batch, heads, length, head_dim]',
    ]);
  });

  it('names of cached values differ within a module', () => {
    expect(problems(entry('cached(x, "key") + cached(x, "key")'))).toEqual(['E0106 past.0.key is declared twice']);
  });

  it('all cached values of an entry grow by equally many rows', () => {
    const cross = (name: string): string => `import { CrossAttention, MultiHeadAttention } from "std"
model M {
  self_attn = MultiHeadAttention(4, 2, causal = true)
  cross_attn = ${name}(4, 2)
  entry step(x: [B, T, 4], memory: [B, S, 4]) -> (out: [B, T, 4]) cache P "past" -> "present" {
    let h = self_attn(x, x)
    cross_attn(h, memory)
  }
}`;
    expect(problems(cross('MultiHeadAttention'))).toEqual([
      'E0416 a step would add S rows here and T elsewhere, and all pasts of an entry have the length P',
    ]);
    expect(problems(cross('CrossAttention'))).toEqual([]);
  });

  it('past and present are joined along the length', () => {
    const model = program(entry('cached(x, "key")'));
    const out = run(model, {
      x: tensor([1, 1, 1, 2], [5, 6]),
      y: tensor([1, 2], [0, 0]),
      'past.0.key': tensor([1, 1, 2, 2], [1, 2, 3, 4]),
    });
    expect(numbers(out.out)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(numbers(out['present.0.key'])).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
