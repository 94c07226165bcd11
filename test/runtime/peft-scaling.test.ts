/** alpha / r of an adapter: Kalajdzievski 2023, arXiv:2312.03732, eq. 4, for the rank-stabilised kind. */
import { expect, it } from 'vitest';
import { alphaOf } from '../../src/runtime/peft-config.ts';

it('LoRA takes its alpha as it is', () => {
  expect(alphaOf({ peft_type: 'LORA', r: 4, lora_alpha: 8 })).toBe(8);
});

it('rank-stabilised LoRA divides by the root of the rank', () => {
  // alpha / √r = 8 / 2 = 4 = 16 / r
  expect(alphaOf({ peft_type: 'LORA', r: 4, lora_alpha: 8, use_rslora: true })).toBe(16);
});
