/** Ids and texts of whole tokenizers against Hugging Face's `tokenizers` 0.23.3, which made the expected values. */
import { describe, expect, it } from 'vitest';
import { differences, type Fixture, readFixture } from './fixtures.ts';

const texts = readFixture<string[]>('texts.json');

describe('the pipelines of the families', () => {
  it.each(['bert', 'gpt2', 'llama2', 'llama3', 'qwen2', 't5', 'gemma'])(
    '%s gives the ids and the texts of `tokenizers`',
    (family) => {
      const fixture = readFixture<Fixture>(`families/${family}.json`);
      expect(fixture.cases.length).toBeGreaterThanOrEqual(300);
      expect(differences(fixture, texts)).toEqual([]);
    },
  );
});

interface Components {
  readonly texts: string[];
  readonly components: readonly Fixture[];
}

describe('single components', () => {
  const { texts: short, components } = readFixture<Components>('components.json');
  const titled = components.map((component) => {
    const { model, ...parts } = component.tokenizer as Record<string, unknown>;
    const set = Object.entries(parts).filter(
      ([, value]) => value !== null && value !== '1.0' && JSON.stringify(value) !== '[]',
    );
    const { vocab: _, merges: __, ...settings } = model as Record<string, unknown>;
    return [`${JSON.stringify(Object.fromEntries(set))} ${JSON.stringify(settings)}`, component] as const;
  });
  it.each(titled)('%s', (_, component) => {
    expect(differences(component, short)).toEqual([]);
  });
});
