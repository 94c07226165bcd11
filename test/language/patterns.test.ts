/** Path patterns: which paths they match, and what they cover (a module means all below it). */
import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../src/compiler/elaborate/pattern.ts';
import { problems, program } from './support.ts';

describe('matches', () => {
  it.each<[string, string, boolean]>([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a', 'a.b', false],
    ['a.b', 'a.b', true],
    ['a.b', 'a.c.b', false],
    ['*', 'a', true],
    ['*', 'a.b', false],
    ['a.*', 'a.b', true],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.c', false],
    ['lora_*', 'lora_A', true],
    ['lora_*', 'lora_', true],
    ['*_norm', 'q_norm', true],
    ['*_norm', 'q_norms', false],
    ['l*r', 'layer', true],
    ['**', 'a', true],
    ['**', 'a.b.c', true],
    ['a.**', 'a.b.c', true],
    ['a.**', 'a', true],
    ['a.**', 'b.a', false],
    ['**.w', 'w', true],
    ['**.w', 'a.b.w', true],
    ['**.w', 'a.b.wx', false],
    ['a.**.w', 'a.w', true],
    ['a.**.w', 'a.b.c.w', true],
    ['**.b.**.w', 'a.b.b.c.w', true],
    ['**.b.**.w', 'a.c.w', false],
    ['**.a.b', 'a.a.b', true],
    ['layers[*].w', 'layers.12.w', true],
    ['layers[1].w', 'layers.1.w', true],
    ['layers[1].w', 'layers.11.w', false],
    ['layers[*]', 'layers', false],
    ['s[0][1]', 's.0.1', true],
    ['{q,k}_norm', 'q_norm', true],
    ['{q,k}_norm', 'v_norm', false],
    ['a.{b, c}.w', 'a.c.w', true],
    ['a.{b, c}.w', 'a. c.w', false],
    ['a.{b}', 'a.b', true],
    ['a+b', 'aab', false],
    ['', 'a', false],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(compilePattern(pattern).matches(path)).toBe(expected);
  });
});

describe('covers', () => {
  it.each<[string, string, boolean]>([
    ['a', 'a.b.w', true],
    ['a', 'ab.w', false],
    ['a.*', 'a.b.c.w', true],
    ['layers[*]', 'layers.3.mlp.w', true],
    ['layers[*].attn', 'layers.3.mlp.w', false],
    ['**.attn', 'layers.3.attn.q.w', true],
    ['**.w', 'a.w', true],
    ['w', 'w', true],
    ['**', 'a.b', true],
  ])('%s covers %s: %s', (pattern, path, expected) => {
    expect(compilePattern(pattern).covers(path)).toBe(expected);
  });

  it('takes no exponential time', () => {
    const pattern = compilePattern(`${'**.a.'.repeat(20)}b`);
    const start = performance.now();
    expect(pattern.matches('a.'.repeat(2000).slice(0, -1))).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('in a program', () => {
  const text = (pattern: string) => `import { LayerNorm } from "std"
    module Block() { q_norm = LayerNorm(2)  k_norm = LayerNorm(2)  out = LayerNorm(2, with_bias = false) }
    model M { blocks = [Block() for i in range(2)]  key = LayerNorm(2) }
    stage s { train ${pattern} }`;
  const trained = (pattern: string) => program(text(pattern)).stages[0]!.trained.map((p) => p.path);

  it.each<[string, string[]]>([
    ['key', ['key.weight', 'key.bias']],
    ['blocks[0].{q, k}_norm.weight', ['blocks.0.q_norm.weight', 'blocks.0.k_norm.weight']],
    ['blocks[0].{q,k}_norm.weight', ['blocks.0.q_norm.weight', 'blocks.0.k_norm.weight']],
    ['blocks[*].out', ['blocks.0.out.weight', 'blocks.1.out.weight']],
    ['**.bias', ['key.bias', ...[0, 1].flatMap((i) => [`blocks.${i}.q_norm.bias`, `blocks.${i}.k_norm.bias`])]],
    ['blocks.1.*_norm.b*', ['blocks.1.q_norm.bias', 'blocks.1.k_norm.bias']],
    ['key, key.weight', ['key.weight', 'key.bias']],
  ])('train %s', (pattern, paths) => {
    expect(trained(pattern).sort()).toEqual([...paths].sort());
  });

  it('a pattern that matches nothing is an error', () => {
    expect(problems(text('blocks[2]'))).toEqual(['E0403 blocks[2] matches nothing']);
    expect(problems(text('key, bloks'))).toEqual(['E0403 bloks matches nothing']);
  });
});
