/** Names of dynamic sizes in the graphs that clients load: by what a size is to a cache, and never one name for two sizes. */
import { describe, expect, it } from 'vitest';
import { clientDims } from '../../src/compiler/clients/layout.ts';
import { printDim } from '../../src/shared/dim.ts';
import { program } from '../language/support.ts';

/** The new name of each size that has one, of an entry `decode` with these inputs. */
function names(inputs: string, body: string): Record<string, string> {
  const { graph, cache } = program(`model M {
  fn heads(x) { rearrange(x, "b t (h c) -> b h t c", h = 2) }
  entry decode(${inputs}) -> (y: [...]) cache P "past_key_values" -> "present" { ${body} }
}`).entry('decode')!;
  return Object.fromEntries([...clientDims(graph, cache)].map(([own, dim]) => [own, printDim(dim)]));
}

describe('a cache names the sizes', () => {
  const KEPT = 'cached(heads(q), "key")';

  it.each([
    ['of rows, past and new positions', 'q: [B, T, 8]', KEPT, 'B=batch_size P=past_sequence_length T=sequence_length'],
    [
      'and a memory keeps its own',
      'q: [B, T, 8], memory: [B, S, 8]',
      `${KEPT} * sum(memory)`,
      'B=batch_size P=past_sequence_length T=sequence_length',
    ],
    [
      'wherever the memory stands',
      'memory: [B, S, 8], q: [B, T, 8]',
      `${KEPT} * sum(memory)`,
      'B=batch_size P=past_sequence_length T=sequence_length',
    ],
    ['one new position has none', 'q: [B, 1, 8]', KEPT, 'B=batch_size P=past_sequence_length'],
    [
      'where two caches have different rows, one is the batch',
      'q: [B, T, 8], r: [R, T, 8]',
      `sum(${KEPT}) + sum(cached(heads(r), "other"))`,
      'B=batch_size P=past_sequence_length T=sequence_length',
    ],
    ['half a size is no size', 'q: [2 * N, T, 8]', KEPT, 'P=past_sequence_length T=sequence_length'],
  ])('%s', (_, inputs, body, expected) => {
    const sorted = (text: string): string[] => text.split(' ').filter(Boolean).sort();
    const found = Object.entries(names(inputs, body)).map(([own, name]) => `${own}=${name}`);
    expect(found.sort()).toEqual(sorted(expected));
  });
});
