import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../src/shared/nearest.ts';

describe('did you mean', () => {
  it('finds the nearest name', () => {
    const names = ['dense', 'LayerNorm', 'rearrange', 'rms_norm', 'd', 'heads'];
    expect(nearest('dnese', names)).toBe('dense'); // one swap
    expect(nearest('layernorm', names)).toBe('LayerNorm'); // case
    expect(nearest('layer_norm', names)).toBe('LayerNorm'); // case and one letter
    expect(nearest('rearange', names)).toBe('rearrange');
    expect(nearest('head', names)).toBe('heads');
    expect(nearest('x', names)).toBeUndefined();
    expect(nearest('softmax', names)).toBeUndefined();
    expect(nearest('dense', ['dense'])).toBeUndefined();
  });

  it('prefers equal letters, then the smaller distance, then the earlier', () => {
    expect(nearest('Tensor', ['Tensors', 'tensor'])).toBe('tensor');
    expect(nearest('weihgt', ['weigh', 'weight'])).toBe('weight');
    expect(nearest('bat', ['cat', 'hat'])).toBe('cat');
  });

  it('measures edits', () => {
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('abcd', 'abdc')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
});
