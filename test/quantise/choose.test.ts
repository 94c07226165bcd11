/** Which parameters are quantised: by declarations, and by how the graphs use them. */
import { describe, expect, it } from 'vitest';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { compile } from '../../src/compiler/index.ts';
import { printQuantisation } from '../../src/shared/quantisation.ts';
import { memory } from '../support/project.ts';
import { program } from './program.ts';

interface Asked {
  readonly dtype?: 'int4' | 'int8';
  readonly options?: readonly string[];
  readonly stage?: string;
  readonly set?: { name: string; text: string }[];
}

function quantised(source: string, { dtype, options = [], stage, set = [] }: Asked = {}): Record<string, string> {
  const compilation = compile('main.mdl', memory({ 'main.mdl': source }), { quantise: options, set });
  const { model } = compilation;
  if (!model)
    throw new Error(
      compilation
        .diagnostics()
        .map(({ code, message }) => `${code} ${message}`)
        .join('\n'),
    );
  const found = stage === undefined ? undefined : model.stages.find(({ name }) => name === stage)!;
  const graphs = graphsOf(model, { quantise: dtype, ...(found ? { stage: found } : {}) })!;
  return Object.fromEntries([...graphs.quantised].map(([key, as]) => [key, printQuantisation(as)]));
}

describe('--weights-dtype', () => {
  it('int4 keeps tables and logits at int8', () => {
    expect(quantised(program(), { dtype: 'int4' })).toEqual({
      'embed.weight': 'int8(group = 64)',
      'up.weight': 'int4(group = 32)',
      'down.weight': 'int4(group = 32)',
      'head.weight': 'int8(group = 64)',
    });
  });

  it('int4 takes what is kept in a cache: it does not leave the model', () => {
    const source = `import { Linear } from "std"
model M {
  keys = Linear(32, 32)
  head = Linear(32, 32)
  entry step(x: [B, T, 32], mask: int[B, P + T]) -> (y: [B, T, 32]) cache P "past" -> "present" {
    let past = cached(rearrange(keys(x), "b t (h c) -> b h t c", h = 2), "key")
    head(x + rearrange(past[:, :, -1:], "b h t c -> b t (h c)"))
  }
}`;
    expect(quantised(source, { dtype: 'int4' })).toEqual({
      'keys.weight': 'int4(group = 32)',
      'head.weight': 'int8(group = 32)',
    });
  });

  it('int8 takes all of them, in the largest groups that fit', () => {
    expect(quantised(program(), { dtype: 'int8' })).toEqual({
      'embed.weight': 'int8(group = 64)',
      'up.weight': 'int8(group = 64)',
      'down.weight': 'int8(group = 128)',
      'head.weight': 'int8(group = 64)',
    });
  });

  it('leaves alone what is no plain matrix of a product, and rows that no group divides', () => {
    const source = `import { Linear, Conv2d } from "std"
model M {
  param scale: [4, 64] = zeros()
  param turned: [64, 64] = zeros()
  odd = Linear(48, 64)
  stem = Conv2d(3, 8, 3)
  entry run(x: [B, 4, 48], p: [B, 3, 9, 9]) -> (y: [B, 4, 64], z: [B, 8, 7, 7]) {
    (matmul(odd(x) * scale, turned), stem(p))
  }
}
`;
    expect(quantised(source, { dtype: 'int4' })).toEqual({});
  });

  it('takes a tied table as a table', () => {
    const source = `import { Embedding } from "std"
model M {
  embed = Embedding(96, 64)
  entry run(ids: int[B, T]) -> (y: [B, T, 96]) { linear(embed(ids), embed.weight) }
}
`;
    expect(quantised(source, { dtype: 'int4' })).toEqual({ 'embed.weight': 'int8(group = 64)' });
  });
});

describe('declarations', () => {
  it('count in order, those of the command line last', () => {
    const rules = ['quantise ** as int4(group = 64)', 'quantise head as f32'];
    expect(quantised(program(...rules), { options: ['down as int8(group = 128, zeros = true)'] })).toEqual({
      'embed.weight': 'int4(group = 64)',
      'up.weight': 'int4(group = 64)',
      'down.weight': 'int8(group = 128, zeros = true)',
    });
  });

  it('come after --weights-dtype', () => {
    const found = quantised(program('quantise up as f32'), { dtype: 'int8' });
    expect(Object.keys(found)).toEqual(['embed.weight', 'down.weight', 'head.weight']);
  });

  it('follow a flag', () => {
    const source = `flag small = false\n${program('quantise up as int4 when small')}`;
    expect(quantised(source)).toEqual({});
    expect(quantised(source, { set: [{ name: 'small', text: 'true' }] })).toEqual({ 'up.weight': 'int4(group = 32)' });
  });

  it.each([
    ['quantise up as int5', 'E0270'],
    ['quantise up as int4(group = 48)', 'E0271'],
    ['quantise up as int4(zeros = 1)', 'E0271'],
    ['quantise up as int4(method = "hqq")', 'E0271'],
    ['quantise up as int4(bits = 3)', 'E0204'],
    ['quantise up as f32(group = 32)', 'E0204'],
    ['quantise norm as int4', 'E0272'],
    ['quantise up as int4(group = 128)', 'E0273'],
    ['quantise upp as int4', 'E0403'],
    ['quantise up', 'E0005'],
  ])('%s is refused', (rule, code) => {
    expect(() => quantised(program(rule))).toThrow(code);
  });

  it.each([['up as int4\nquantise down as int4'], ['up as int4(group = d)'], ['up as int4 when true']])(
    'of the command line are one with literals: %s',
    (text) => {
      expect(() => quantised(program(), { options: [text] })).toThrow('E0274');
    },
  );
});

const TRAINED = `import { Linear } from "std"
model M {
  up = Linear(64, 64)
  down = Linear(64, 64)
  entry loss(x: [B, 64]) -> (loss: []) { mean(down(gelu(up(x))) * x) }
}
stage tune {
  train down
  optimize sgd()
  schedule constant(lr = 0.1, iters = 1)
}
`;

describe('refused', () => {
  it('is what trains, by a rule, and the default leaves it f32', () => {
    expect(() => quantised(`${TRAINED}quantise down as int4`, { stage: 'tune' })).toThrow('quantise_trained');
    expect(quantised(TRAINED, { dtype: 'int4', stage: 'tune' })).toEqual({ 'up.weight': 'int4(group = 32)' });
  });

  it('is a matrix that a product sums along its first axis', () => {
    const source = `model M {
  param w: [64, 64] = zeros()
  entry run(x: [B, 64]) -> (y: [B, 64]) { matmul(x, w) }
}
quantise w as int4
`;
    expect(() => quantised(source)).toThrow('quantise_use');
  });

  it('is a key whose parts have the key of another parameter', () => {
    const source = `import { Linear } from "std"
module Odd() { param scales: [2] = zeros() forward(x: [B, 64]) -> [B, 64] { x * sum(scales) } }
model M {
  up = Linear(64, 64)
  other = Odd() key "up.weight"
  entry run(x: [B, 64]) -> (y: [B, 64]) { other(up(x)) }
}
quantise up as int4
`;
    expect(() => quantised(source)).toThrow('quantise_name');
  });
});
