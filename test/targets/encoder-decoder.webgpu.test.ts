/** An encoder-decoder with cross attention and a cache, on every target: steps through the cache equal the whole, and the whole equals the interpreter's. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../src/runtime/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { folderWith, mdl } from '../cli/support.ts';
import { relativeError } from '../support/reference.ts';
import { sessionOn, TARGETS } from '../support/targets.ts';
import { CONFIG, EMPTY, FILE, LABELS, PIECES, piece, QUESTIONS, rowsOf, SOURCE } from './encoder-decoder.ts';

const wholeOf = async (session: Session): Promise<HostTensor> =>
  (await session.run('loss', { ...QUESTIONS, labels: LABELS })).logits!;

/** The logits of an answer in pieces of these lengths, beside the same rows of `whole`. */
async function expectSteps(session: Session, whole: HostTensor, lengths: readonly number[]): Promise<void> {
  const { encoder_hidden_states } = await session.run('encode', QUESTIONS);
  const memory = {
    encoder_hidden_states: encoder_hidden_states!,
    encoder_attention_mask: QUESTIONS.attention_mask,
  };
  const { cache } = session.manifest.entries.decode!;
  expect(cache).toHaveLength(4);
  let past = Object.fromEntries(cache.map((port) => [port.past, EMPTY]));
  let at = 0;
  for (const length of lengths) {
    const out = await session.run('decode', { ...past, ...memory, ...piece(at, at + length) });
    expect(relativeError(out.logits!.data, rowsOf(whole, at, at + length))).toBeLessThan(1e-5);
    past = Object.fromEntries(cache.map((port) => [port.past, out[port.present]!]));
    at += length;
  }
}

describe.each(TARGETS)('%s', (target) => {
  it('computes what the interpreter does, at once and in steps', async () => {
    const oracle = await wholeOf(await sessionOn('reference', SOURCE, { config: CONFIG }));
    const session = await sessionOn(target, SOURCE, { config: CONFIG }, 'software');
    const whole = await wholeOf(session);
    expect(relativeError(whole.data, oracle.data)).toBeLessThan(1e-5);
    for (const lengths of PIECES) await expectSteps(session, whole, lengths);
  });
});

it('a folder of mdl compile, whose sizes have names that clients know, takes answers and memories of different lengths', async () => {
  const folder = folderWith();
  const ran = await mdl(folder, 'compile', FILE, '--config', CONFIG, '--init', '0', '--out', 'out');
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
  const session = await openSession(join(folder, 'out'), { backend: 'onnx' });
  const whole = await wholeOf(session);
  for (const lengths of PIECES) await expectSteps(session, whole, lengths);
  await session.dispose();
});
