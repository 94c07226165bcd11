/** Encoders of models/ against transformers in float64: texts with padding, pictures, and the two compared. */
import { afterAll, describe, expect, it } from 'vitest';
import { relativeError } from '../support/reference.ts';
import { TARGETS } from '../support/targets.ts';
import { inputsOf, type Opened, openCase, TOLERANCE } from './support.ts';

const TEXT = ['input_ids', 'attention_mask', 'token_type_ids'];
const PAIR = ['pixel_values', 'input_ids', 'attention_mask'];

/** fixture, file, entry, its inputs, the output that is compared */
const CASES: readonly (readonly [string, string, string, readonly string[], string])[] = [
  ['bert', 'bert.mdl', 'encode', TEXT, 'last_hidden_state'],
  ['bert', 'bert.mdl', 'pool', TEXT, 'pooler_output'],
  ['bert', 'bert.mdl', 'sentence', TEXT, 'embedding'],
  ['vit', 'vit.mdl', 'encode', ['pixel_values'], 'last_hidden_state'],
  ['vit', 'vit.mdl', 'classify', ['pixel_values'], 'logits'],
  ['clip', 'clip.mdl', 'encode_image', ['pixel_values'], 'image_embeds'],
  ['clip', 'clip.mdl', 'encode_text', ['input_ids', 'attention_mask'], 'text_embeds'],
  ['clip', 'clip.mdl', 'compare', PAIR, 'logits_per_image'],
  ['siglip', 'siglip.mdl', 'encode_image', ['pixel_values'], 'image_embeds'],
  ['siglip', 'siglip.mdl', 'encode_text', ['input_ids'], 'text_embeds'],
  ['siglip', 'siglip.mdl', 'compare', ['pixel_values', 'input_ids'], 'logits_per_image'],
];

describe.each(TARGETS)('%s', (target) => {
  const opened = new Map<string, Promise<Opened>>();
  const open = (name: string, file: string): Promise<Opened> => {
    const found = opened.get(name) ?? openCase({ name, file }, target);
    opened.set(name, found);
    return found;
  };
  afterAll(async () => {
    for (const one of opened.values()) await (await one).close();
  });

  it.each(CASES)('%s: %s %s', async (name, file, entry, inputs, output) => {
    const all = await open(name, file);
    const results = await all.session.run(entry, inputsOf(all, inputs));
    const want = all.expected.get(output)!;
    // states of padding mean nothing
    const mask = output === 'last_hidden_state' ? all.expected.get('attention_mask')?.data : undefined;
    const width = want.shape.at(-1)!;
    const counts = (index: number): boolean => mask === undefined || Number(mask[Math.floor(index / width)]) === 1;
    expect(results[output]!.shape).toEqual(want.shape);
    expect(relativeError(results[output]!.data, want.data, counts)).toBeLessThan(TOLERANCE);
  });
});
