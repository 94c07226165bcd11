/** Batches to train on in the page: the same one again and again, or rows of a text. */
import type { Batch, DataSource, Manifest } from 'mdl-compiler/runtime';
import { BYTE_TOKENIZER } from '../../../../src/recipes/data/bytes.ts';
import { TEXT_INPUTS, textBatch } from '../../../../src/recipes/text/batches.ts';
import { type InputRequest, inputOf } from './inputs.ts';

type Ports = Manifest['entries'][string]['inputs'];

/** One batch of random numbers for every step: a model that can learn learns it by heart. */
export async function randomBatch(inputs: Ports, request: InputRequest): Promise<DataSource> {
  const feeds: Record<string, Batch['feeds'][string]> = {};
  for (const port of inputs) feeds[port.name] = await inputOf(port, { kind: 'random' }, request);
  const rows = Object.values(feeds)[0]?.shape[0] ?? 1;
  return { name: `one random batch, seed ${request.seed}`, batch: async () => ({ feeds, tokens: rows, rows }) };
}

export interface TextRequest {
  readonly text: string;
  /** of a batch */
  readonly rows: number;
  /** bytes of a row */
  readonly length: number;
  readonly seed: number;
}

/** Pieces of a text, from places that depend on the step alone. @throws Error where the text is shorter than a row */
export function textRows(inputs: Ports, { text, rows, length, seed }: TextRequest): DataSource {
  const ids = BYTE_TOKENIZER.encode(text);
  if (ids.length < length) throw new Error(`the text has ${ids.length} bytes, and a row takes ${length}`);
  const names = inputs.map(({ name }) => name);
  const foreign = names.filter((name) => !(TEXT_INPUTS as readonly string[]).includes(name));
  if (foreign.length > 0)
    throw new Error(`a text gives ${TEXT_INPUTS.join(', ')}, and the loss wants ${foreign.join(', ')} too`);
  return {
    name: 'the text in the page',
    async batch(step) {
      const starts = Array.from(
        { length: rows },
        (_, row) => place(seed, step * rows + row) % (ids.length - length + 1),
      );
      return textBatch(
        starts.map((start) => ids.slice(start, start + length)),
        { length, pad: 0, names },
      );
    },
  };
}

/** A number of 32 bits by hashing (Murmur3's finaliser): spread, and the same for the same seed and turn. */
function place(seed: number, turn: number): number {
  let x = (Math.imul(seed + 1, 0x9e3779b9) + Math.imul(turn + 1, 0x85ebca6b)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
