/** TinyGPT-V's greedy tokens and their logits: by hand through `decode`, and through the runtime's generate(). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embedPrompt, encodeImage } from '../../src/recipes/vision-language/prompt.ts';
import { generate } from '../../src/runtime/generate/generate.ts';
import type { Runner } from '../../src/runtime/session.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { relativeError } from '../support/reference.ts';
import { describeTargets, feed, ids, input, ints, openTiny, output, TINY, type Tiny, TOLERANCE } from './support.ts';

const STEPS = 8;

/** `vector` repeated by rows: positions are cumsum(mask) − 1, and 1 where the mask is 0. */
function positions(mask: readonly (readonly number[])[]): number[][] {
  return mask.map((row) => {
    let count = 0;
    return row.map((on) => {
      count += on;
      return on ? count - 1 : 1;
    });
  });
}

/** The last position's logits of each row. */
function lastLogits({ shape, data }: HostTensor): Float32Array[] {
  const [rows, steps, vocab] = shape as [number, number, number];
  return Array.from({ length: rows }, (_, row) =>
    (data as Float32Array).slice(((row + 1) * steps - 1) * vocab, (row + 1) * steps * vocab),
  );
}

const argmax = (logits: Float32Array): number => logits.indexOf(Math.max(...logits));

/** [B, a, d] and [B, b, d] → [B, a + b, d] */
function joined(a: HostTensor, b: HostTensor): HostTensor {
  const [rows, , width] = a.shape as [number, number, number];
  const row = (tensor: HostTensor, index: number): number[] => {
    const size = tensor.shape[1]! * width;
    return Array.from((tensor.data as Float32Array).subarray(index * size, (index + 1) * size));
  };
  const data = Float32Array.from({ length: rows }, () => 0);
  const values = Array.from(data, (_, index) => [...row(a, index), ...row(b, index)]).flat();
  return { dtype: 'f32', shape: [rows, a.shape[1]! + b.shape[1]!, width], data: Float32Array.from(values) };
}

/** A greedy loop over the entries, as a client of the compiled files writes it. */
async function greedy(
  runner: Runner,
  embeds: HostTensor,
  firstMask: readonly (readonly number[])[],
  cached: boolean,
): Promise<{ tokens: number[][]; logits: Float32Array[][] }> {
  let mask = firstMask.map((row) => [...row]);
  let given = embeds;
  let past: Record<string, HostTensor> = {};
  const tokens: number[][] = mask.map(() => []);
  const logits: Float32Array[][] = mask.map(() => []);
  for (let step = 0; step < STEPS; step++) {
    const length = given.shape[1]!;
    const rows = mask.length;
    const results = await runner.run('decode', {
      inputs_embeds: given,
      attention_mask: ints([rows, mask[0]!.length], mask.flat()),
      position_ids: ints(
        [rows, length],
        positions(mask).flatMap((row) => row.slice(-length)),
      ),
      ...past,
    });
    const last = lastLogits(results.logits!);
    last.forEach((row, index) => {
      logits[index]!.push(row);
      tokens[index]!.push(argmax(row));
    });
    const next = (await runner.run('embed_tokens', { input_ids: ints([rows, 1], last.map(argmax)) })).inputs_embeds!;
    if (cached) {
      past = Object.fromEntries(
        Object.entries(results).flatMap(([name, tensor]) =>
          name.startsWith('present.') ? [[name.replace('present', 'past_key_values'), tensor]] : [],
        ),
      );
    }
    given = cached ? next : joined(given, next);
    mask = mask.map((row) => [...row, 1]);
  }
  return { tokens, logits };
}

const rowsOf = (name: string): number[][] => {
  const { shape, data } = output(name);
  const width = shape.at(-1)!;
  return Array.from({ length: data.length / width }, (_, row) =>
    Array.from(data.subarray(row * width, (row + 1) * width) as Int32Array),
  );
};

describeTargets('', (target) => {
  let tiny: Tiny;
  /** [T, d] of each prompt, unpadded */
  let prompts: HostTensor[];

  beforeAll(async () => {
    tiny = await openTiny({ ...target, entries: ['encode_image', 'embed_tokens', 'decode'] });
    const image = input('image');
    const size = image.data.length / 2;
    prompts = await Promise.all(
      [0, 1].map(async (row) => {
        const pixels = {
          dtype: 'f32' as const,
          shape: [1, ...image.shape.slice(1)],
          data: image.data.slice(row * size, (row + 1) * size) as Float32Array,
        };
        const encoded = await encodeImage(tiny.session, pixels);
        const part = (name: string): number[] =>
          ids(`generate/prompt_${name}_ids`, row, Number(input(`generate/prompt_${name}_len`).data[row]));
        const placed = [...part('before'), ...Array<number>(TINY.qformer.num_query_tokens).fill(-1), ...part('after')];
        return embedPrompt(tiny.session, placed, [encoded]);
      }),
    );
  });
  afterAll(() => tiny?.close());

  const mask = [0, 1].map((row) => ids('generate/attention_mask', row, input('generate/attention_mask').shape[1]!));

  it('the caches are the ports that existing clients expect', () => {
    const { decode } = tiny.session.manifest.entries;
    const names = Array.from({ length: TINY.phi.num_layers }, (_, layer) =>
      ['key', 'value'].map((kind) => `${layer}.${kind}`),
    ).flat();
    expect(decode!.inputs.map(({ name }) => name)).toEqual([
      'inputs_embeds',
      'attention_mask',
      'position_ids',
      ...names.map((name) => `past_key_values.${name}`),
    ]);
    expect(decode!.outputs.map(({ name }) => name)).toEqual(['logits', ...names.map((name) => `present.${name}`)]);
    expect(decode!.inputs[3]!.shape).toEqual(['B', TINY.phi.num_heads, 'P', TINY.phi.head_dim]);
    expect(decode!.cache).toHaveLength(names.length);
  });

  it('a prompt with an image embeds to generate/inputs_embeds', () => {
    const expected = output('generate/inputs_embeds');
    const [, steps, width] = expected.shape as [number, number, number];
    prompts.forEach((prompt, row) => {
      const padding = (steps - prompt.shape[0]!) * width;
      const wanted = expected.data.subarray(row * steps * width + padding, (row + 1) * steps * width);
      expect(relativeError(prompt.data, wanted as Float32Array)).toBeLessThan(TOLERANCE);
    });
  });

  it.each([
    ['with the cache', true, 'generate/ids', 'generate/step_logits'],
    ['without the cache', false, 'generate/ids_nocache', 'generate/step_logits_nocache'],
  ] as const)('a left-padded batch, %s', async (_, cached, tokenName, logitName) => {
    const embeds = feed(output('generate/inputs_embeds')) as HostTensor;
    const { tokens, logits } = await greedy(tiny.session, embeds, mask, cached);
    expect(tokens).toEqual(rowsOf(tokenName));
    const flat = logits.flatMap((row) => row.flatMap((step) => [...step]));
    expect(relativeError(flat, output(logitName).data)).toBeLessThan(TOLERANCE);
  });

  it.each([0, 1])('sample %d alone', async (row) => {
    const prompt = prompts[row]!;
    const { tokens } = await greedy(
      tiny.session,
      { ...prompt, shape: [1, ...prompt.shape] },
      [Array<number>(prompt.shape[0]!).fill(1)],
      true,
    );
    expect(tokens).toEqual(rowsOf(`generate/single.${row}/ids`));
  });

  it('text, with and without the cache', async () => {
    const shape = input('generate_text/prompt_ids').shape;
    const { inputs_embeds } = await tiny.session.run('embed_tokens', {
      input_ids: feed(input('generate_text/prompt_ids')),
    });
    const ones = [Array<number>(shape[1]!).fill(1)];
    const cached = await greedy(tiny.session, inputs_embeds!, ones, true);
    expect(cached.tokens).toEqual(rowsOf('generate_text/ids'));
    expect(
      relativeError(
        cached.logits.flatMap((steps) => steps.flatMap((step) => [...step])),
        output('generate_text/step_logits').data,
      ),
    ).toBeLessThan(TOLERANCE);
    expect((await greedy(tiny.session, inputs_embeds!, ones, false)).tokens).toEqual(
      rowsOf('generate_text/ids_nocache'),
    );
  });

  describe('the runtime', () => {
    const tokensOf = async (runner: Runner, embeds: readonly HostTensor[]): Promise<number[][]> =>
      (await generate(runner, { embeds }, { max_new_tokens: STEPS })).rows.map(({ tokens }) => [...tokens]);

    it('pads the batch and finds the same tokens', async () => {
      expect(await tokensOf(tiny.session, prompts)).toEqual(rowsOf('generate/ids'));
    });

    it('finds them one by one', async () => {
      for (const [row, prompt] of prompts.entries())
        expect(await tokensOf(tiny.session, [prompt])).toEqual(rowsOf(`generate/single.${row}/ids`));
    });

    it('finds them from ids', async () => {
      const prompt = Array.from(input('generate_text/prompt_ids').data as Int32Array);
      const { rows } = await generate(tiny.session, { input_ids: [prompt] }, { max_new_tokens: STEPS });
      expect(rows.map(({ tokens }) => [...tokens])).toEqual(rowsOf('generate_text/ids'));
    });

    it('finds them with a `decode` that declares no cache', async () => {
      const { manifest } = tiny.session;
      const decode = { ...manifest.entries.decode!, cache: [] };
      const uncached: Runner = {
        manifest: { ...manifest, entries: { ...manifest.entries, decode } },
        run: (name, feeds) => tiny.session.run(name, feeds),
      };
      expect(await tokensOf(uncached, prompts)).toEqual(rowsOf('generate/ids_nocache'));
    });

    it('one beam is greedy, and several score at least as well', async () => {
      const greedyRow = (await generate(tiny.session, { embeds: [prompts[0]!] }, { max_new_tokens: STEPS })).rows[0]!;
      const beams = (
        await generate(
          tiny.session,
          { embeds: [prompts[0]!] },
          { max_new_tokens: STEPS, num_beams: 4, length_penalty: 0 },
        )
      ).rows[0]!;
      expect(beams.score).toBeGreaterThanOrEqual(greedyRow.score - 1e-6);
    });
  });
});
