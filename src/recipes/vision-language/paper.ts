/** Table 3 of the TinyGPT-V paper (Yuan et al. 2023, arXiv:2312.16862): final loss by stage, each flag off in turn. */
import type { Published } from '../recipe.ts';

export const PAPER: Published = {
  model: 'TinyGPTV',
  stages: ['stage1', 'stage2', 'stage3', 'stage4'],
  // `vanish`: the paper says that the gradient vanishes; `–`: it gives no value
  losses: {
    full: ['2.620', '2.343', '1.125', '1.399 (text), 1.444 (table)'],
    lora: ['2.620', '–', 'vanish', '–'],
    input_norm: ['2.839', '2.555', '1.344', 'vanish'],
    rms_norm: ['2.747', 'vanish', '–', '–'],
    qk_norm: ['vanish', '–', '–', '–'],
  },
  caveat:
    'The paper trains 3.9 billion parameters on LAION, CC, SBU, MiniGPT-4, LLaVA and 18 more data sets, for 1,000 to 50,000 steps a stage, with f16 and a dynamic loss scale. ' +
    'Sizes, data, lengths and precision differ here, so values cannot be compared with it; what can be is the order of the variants and whether one trains at all.',
};
