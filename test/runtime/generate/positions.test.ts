/** A generation that would outgrow a table of positions is refused before its first token. */
import { describe, expect, it } from 'vitest';
import { generate } from '../../../src/runtime/generate/generate.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import { positionsWithin } from '../../../src/runtime/generate/positions.ts';
import { buildOnnx } from '../../support/build.ts';
import { compileOk, memory, repository } from '../../support/project.ts';
import { provokes } from '../support.ts';
import { fakeModel } from './fake-model.ts';

const next = () => [0, 1, 0];

describe.each([
  [true, 'range'],
  [true, 'sizes'],
  [false, 'range'],
  [false, 'sizes'],
] as const)('8 positions, cached: %s, known by the %s', (cached, by) => {
  const run = async (prompts: number[][], options: GenerateOptions) => {
    const model = fakeModel(3, next, { cached, table: { positions: 8, by } });
    return { model, of: generate(model.session, { input_ids: prompts }, options) };
  };

  it('the last token is not fed back: 3 + 6 - 1 positions', async () => {
    const { of } = await run([[1, 2, 1], [2]], { max_new_tokens: 6 });
    expect((await of).rows.map(({ tokens, finish }) => [tokens.length, finish])).toEqual([
      [6, 'length'],
      [6, 'length'],
    ]);
  });

  it.each([
    [3, 7],
    [1, 300],
    [9, 1],
  ])('R0306: a prompt of %i and %i new ones', async (length, max_new_tokens) => {
    const { model, of } = await run([[2], Array<number>(length).fill(1)], { max_new_tokens });
    expect(await provokes('R0306', () => of)).toBe(
      `the prompt has ${length} tokens and ${max_new_tokens} new ones may follow, and the model has 8 positions, so shorten the prompt or allow fewer new tokens`,
    );
    expect(model.decodes).toEqual([]);
  });

  it('by default as many follow as there are positions for', async () => {
    const { of } = await run([[1, 2, 1]], {});
    expect((await of).rows[0]).toMatchObject({ finish: 'length', tokens: [1, 1, 1, 1, 1, 1] });
  });
});

it('beams too', async () => {
  const { session } = fakeModel(3, next, { table: { positions: 8, by: 'range' } });
  const options = { max_new_tokens: 9, num_beams: 2 };
  await provokes('R0306', () => generate(session, { input_ids: [[1]] }, options));
});

it('manifests say it: of GPT by its table, of a count by the sizes; rotary positions of a formula have no end', () => {
  const decodeOf = (model: Parameters<typeof buildOnnx>[0]) =>
    buildOnnx(model, { opset: 17 })!.manifest(null).entries.decode!;
  const counted = (placed: string) => `model M {
  param table: [8, 4] = normal(1.0)
  entry decode(inputs_embeds: [B, T, 4]) -> (logits: [B, T, 4]) { inputs_embeds + unsqueeze(${placed}, 0) }
}`;
  const own = (placed: string) => decodeOf(compileOk('m.mdl', memory({ 'm.mdl': counted(placed) })));
  expect(positionsWithin(decodeOf(compileOk('examples/gpt.mdl', repository)), 1000, 'inputs_embeds')).toBe(256);
  expect(positionsWithin(own('gather(table, iota(T), axis = 0)'), 1000, 'inputs_embeds')).toBe(8);
  expect(positionsWithin(own('gather(table, iota(T), axis = 0)'), 5, 'inputs_embeds')).toBe(5);
  expect(positionsWithin(own('expand(unsqueeze(float(iota(T)), 1), [T, 4])'), 1000, 'inputs_embeds')).toBe(1000);
  // what a table does not bound: the run says that it needs T ≥ 3
  expect(positionsWithin(own('expand(unsqueeze(float(iota(T)), 1)[2:3], [T, 4])'), 1000, 'inputs_embeds')).toBe(1000);
});
