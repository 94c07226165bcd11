/** From samples to batches: tokenises the texts, lays out the rows, stacks the pictures. */
import { runtimeError } from '../../../runtime/errors.ts';
import { PART } from '../../../runtime/tokenizer/tokenizer.ts';
import type { Batch, DataSource } from '../../../runtime/train/data-source.ts';
import { normaliseInto } from '../../data/pixels.ts';
import { IMAGE_TOKEN_ID, promptIds } from '../prompt.ts';
import type { Example, Exchange, Sample, SampleSet } from './example.ts';
import { layoutRows, type Row } from './layout.ts';
import type { DataOptions, ResolvedOptions } from './options.ts';

/** Texts that are kept tokenised; questions and short answers come back all the time. */
const CACHED_TEXTS = 20_000;

/** Step s has the samples s · batchSize … (s + 1) · batchSize − 1. */
export function batchesOf(set: SampleSet, options: ResolvedOptions): DataSource {
  const encode = cachedEncoder(options);
  const { batchSize, imageSize } = options;
  return {
    name: set.name,
    ...(set.contents ? { contents: () => set.contents!() } : {}),
    async batch(step: number): Promise<Batch> {
      const samples: Sample[] = [];
      for (let row = 0; row < batchSize; row++) samples.push(await set.sample(step * batchSize + row));
      const rows = samples.map(({ turns }, row): Row => ({ turns: turns.map((turn) => encode(turn, row)) }));
      for (const [row, { turns }] of rows.entries()) checkImageTokens(turns[0]!.prompt, row, options.imageTokens);
      const { feeds, labelled } = layoutRows(rows, options);
      const pixels = new Float32Array(batchSize * 3 * imageSize * imageSize);
      samples.forEach(({ picture }, row) => {
        normaliseInto(pixels, row, picture, options.mean, options.std);
      });
      const shape = [batchSize, 3, imageSize, imageSize];
      return {
        feeds: { pixel_values: { dtype: 'f32', shape, data: pixels }, ...feeds },
        tokens: labelled,
        rows: batchSize,
      };
    },
  };
}

function cachedEncoder({ tokenizer, imageTokens, endSymbol }: ResolvedOptions) {
  const known = new Map<string, readonly number[]>();
  const cached = (text: string, tokenise: () => readonly number[]): readonly number[] => {
    let ids = known.get(text);
    if (!ids) {
      ids = tokenise();
      if (known.size >= CACHED_TEXTS) known.clear();
      known.set(text, ids);
    }
    return ids;
  };
  return ({ prompt, answer }: Exchange, row: number) => {
    const images = prompt.split('<ImageHere>').length - 1;
    if (images > 1)
      throw runtimeError('image_token_count', { row, found: images * imageTokens, expected: imageTokens });
    return {
      prompt: cached(`prompt ${prompt}`, () => promptIds(prompt, Array<number>(images).fill(imageTokens), tokenizer)),
      answer: cached(`answer ${answer}`, () => tokenizer.encode(answer + endSymbol, PART)),
    };
  };
}

/** @throws RuntimeError R0909: in the graph the image tokens of all rows are filled in one run */
function checkImageTokens(prompt: readonly number[], row: number, expected: number): void {
  const found = prompt.filter((id) => id === IMAGE_TOKEN_ID).length;
  if (found !== expected) throw runtimeError('image_token_count', { row, found, expected });
}

/** A sample for evaluation; of several turns the last is asked. Earlier ones are written out as in training. */
export function exampleOf(sample: Sample, options: Pick<DataOptions, 'mean' | 'std'> & { endSymbol: string }): Example {
  const { task, turns, picture, meta } = sample;
  const last = turns.at(-1)!;
  const before = turns.slice(0, -1).map(({ prompt, answer }) => prompt + answer + options.endSymbol);
  const data = new Float32Array(3 * picture.width * picture.height);
  normaliseInto(data, 0, picture, options.mean, options.std);
  const images = { dtype: 'f32', shape: [1, 3, picture.height, picture.width], data } as const;
  return { task, images, picture, prompt: before.join('') + last.prompt, answer: last.answer, meta };
}
