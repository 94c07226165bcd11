/**
 * A language model written by hand: the next token's probabilities are a function of the whole history, which the
 * model reads from its key/value cache and nowhere else. A cache that is reordered wrongly is a history that does
 * not exist, and the table says so.
 *
 * Embedding of token t: [t, 1]. Padding is a zero vector, so [0, 0]; the model checks mask and positions against it.
 */

import { hostBackend } from '../../../src/runtime/backend.host.ts';
import type { Tensors } from '../../../src/runtime/backend.ts';
import { Session } from '../../../src/runtime/session.ts';
import type { Manifest } from '../../../src/shared/artifact.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';

const PAST = 'past_key_values.0.key';
const PRESENT = 'present.0.key';

export interface FakeOptions {
  readonly cached?: boolean;
  /** positions of a table, which the manifest knows by the range of an input or by what sizes must be */
  readonly table?: { readonly positions: number; readonly by: 'range' | 'sizes' };
}

export function manifestOf(vocabulary: number, { cached = true, table }: FakeOptions = {}): Manifest {
  const past = { name: PAST, dtype: 'f32', shape: ['B', 1, 'P', 2] } as const;
  const present = { name: PRESENT, dtype: 'f32', shape: ['B', 1, 'P + T', 2] } as const;
  const all = cached ? 'P + T' : 'T';
  return {
    format: 'mdl',
    version: 2,
    compiler: 'test',
    model: { name: 'fake', source: 'fake.mdl', config_name: 'fake', flags: {}, config: {} },
    targets: { onnx: { opset: 17, files: {}, weights: [] } },
    entries: {
      embed_tokens: {
        inputs: [{ name: 'input_ids', dtype: 'i64', shape: ['B', 'T'] }],
        outputs: [{ name: 'inputs_embeds', dtype: 'f32', shape: ['B', 'T', 2] }],
        cache: [],
      },
      decode: {
        inputs: [
          { name: 'inputs_embeds', dtype: 'f32', shape: ['B', 'T', 2] },
          { name: 'attention_mask', dtype: 'i64', shape: ['B', all] },
          {
            name: 'position_ids',
            dtype: 'i64',
            shape: ['B', 'T'],
            ...(table?.by === 'range' ? { range: { low: 0, high: table.positions } } : {}),
          },
          ...(cached ? [past] : []),
        ],
        outputs: [{ name: 'logits', dtype: 'f32', shape: ['B', 'T', vocabulary] }, ...(cached ? [present] : [])],
        cache: cached ? [{ past: PAST, present: PRESENT, axis: 2 }] : [],
        ...(table?.by === 'sizes'
          ? { requires: [{ dim: `${table.positions} - ${all.replace(' + ', ' - ')}`, what: 'the table of positions' }] }
          : {}),
      },
    },
    weights: null,
  };
}

/** Logits of the next token, given the history of one row. */
export type NextLogits = (history: readonly number[]) => readonly number[];

export interface FakeModel {
  readonly session: Session;
  /** [rows, columns] of inputs_embeds at each decode */
  readonly decodes: number[][];
}

export function fakeModel(vocabulary: number, next: NextLogits, options: FakeOptions = {}): FakeModel {
  const decodes: number[][] = [];
  const embed = ({ input_ids }: Tensors): Tensors => {
    const ids = [...(input_ids!.data as BigInt64Array)];
    const data = Float32Array.from(ids.flatMap((id) => [Number(id), 1]));
    return { inputs_embeds: { dtype: 'f32', shape: [...input_ids!.shape, 2], data } };
  };
  const decode = (feeds: Tensors): Tensors => {
    const embeds = feeds.inputs_embeds!;
    const [rows, steps] = embeds.shape as [number, number, number];
    decodes.push([rows, steps]);
    const past = feeds[PAST];
    const before = past?.shape[2] ?? 0;
    const total = before + steps;
    const present = new Float32Array(rows * total * 2);
    const logits = new Float32Array(rows * steps * vocabulary).fill(Number.NaN); // only the last position may be read
    for (let row = 0; row < rows; row++) {
      if (past)
        present.set((past.data as Float32Array).subarray(row * before * 2, (row + 1) * before * 2), row * total * 2);
      present.set(
        (embeds.data as Float32Array).subarray(row * steps * 2, (row + 1) * steps * 2),
        (row * total + before) * 2,
      );
      const history: number[] = [];
      for (let i = 0; i < total; i++) {
        const [token, real] = present.subarray((row * total + i) * 2) as unknown as [number, number];
        const mask = Number((feeds.attention_mask!.data as BigInt64Array)[row * total + i]);
        if (mask !== real)
          throw new Error(`row ${row} column ${i} has mask ${mask} and is ${real ? 'a token' : 'padding'}`);
        const position =
          i < before ? undefined : Number((feeds.position_ids!.data as BigInt64Array)[row * steps + i - before]);
        const expected = real ? history.length : 1;
        if (position !== undefined && position !== expected)
          throw new Error(`row ${row} column ${i} has position ${position}, not ${expected}`);
        if (real) history.push(token);
      }
      logits.set(next(history), ((row + 1) * steps - 1) * vocabulary);
    }
    const output: HostTensor = { dtype: 'f32', shape: [rows, steps, vocabulary], data: logits };
    return {
      logits: output,
      ...(past ? { [PRESENT]: { dtype: 'f32', shape: [rows, 1, total, 2], data: present } } : {}),
    };
  };
  const session = Session.open(manifestOf(vocabulary, options), {
    backend: hostBackend({
      name: 'fake',
      loadEntry: async (name) => ({
        run: async (feeds) => (name === 'decode' ? decode(feeds) : embed(feeds)),
        dispose: async () => {},
      }),
    }),
  });
  return { session, decodes };
}

/** A model over probabilities by history, `'7 1'`; a history that is not in the table is an error. */
export function tableModel(table: Readonly<Record<string, readonly number[]>>, options: FakeOptions = {}): FakeModel {
  const vocabulary = Object.values(table)[0]!.length;
  const next = (history: readonly number[]): number[] => {
    const row = table[history.join(' ')];
    if (!row) throw new Error(`the history ${history.join(' ')} was never possible`);
    return row.map(Math.log);
  };
  return fakeModel(vocabulary, next, options);
}
