/** examples/encoder-decoder.mdl in PyTorch: what the interpreter computes, at once and in steps through the cache, and its gradients run. */
import { beforeAll, expect, it } from 'vitest';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { type ReferenceTensor, relativeError } from '../support/reference.ts';
import { sessionOn } from '../support/targets.ts';
import { CONFIG, FILE, LABELS, LENGTH, PREFILL, piece, QUESTIONS, rowsOf, SOURCE } from '../targets/encoder-decoder.ts';
import { describeTorch, type Job, type Result, runJobs, written } from './support.ts';

const asHost = ({ shape, data }: ReferenceTensor): HostTensor => ({ dtype: 'f32', shape, data }) as HostTensor;

describeTorch('an encoder-decoder', () => {
  let whole: Result;
  let prefilled: Result;
  let stepped: Result;
  let expected: HostTensor;

  beforeAll(async () => {
    const folder = await written(FILE, { config: CONFIG, init: 0 });
    const first = runJobs({
      whole: { folder, entry: 'loss', inputs: { ...QUESTIONS, labels: LABELS }, gradients: true },
      memory: { folder, entry: 'encode', inputs: QUESTIONS },
    });
    whole = first.whole();
    const memory = {
      encoder_hidden_states: asHost(first.memory().get('0')!),
      encoder_attention_mask: QUESTIONS.attention_mask,
    };
    const decode = (from: number, to: number, past: Readonly<Record<string, HostTensor>> = {}): Job => {
      const inputs = { ...piece(from, to), ...memory, ...past };
      const names = Object.keys(past);
      return { folder, entry: 'decode', inputs, ...(names.length > 0 ? { past: ['past_key_values', names] } : {}) };
    };
    prefilled = runJobs({ prefill: decode(0, PREFILL) }).prefill();
    const kept = [...prefilled].filter(([key]) => key.startsWith('1.'));
    kept.sort(([a], [b]) => Number(a.slice(2)) - Number(b.slice(2)));
    const past = Object.fromEntries(kept.map(([key, tensor]) => [`past ${key}`, asHost(tensor)]));
    stepped = runJobs({ step: decode(PREFILL, LENGTH, past) }).step();
    const oracle = await sessionOn('reference', SOURCE, { config: CONFIG });
    expected = (await oracle.run('loss', { ...QUESTIONS, labels: LABELS })).logits!;
  }, 300_000);

  it('equals the interpreter', () => {
    expect(relativeError(whole.get('1')!.data, expected.data)).toBeLessThan(1e-5);
    expect([...whole.keys()].filter((key) => key.startsWith('gradient.')).length).toBeGreaterThan(50);
  });

  it('equals it in steps', () => {
    expect(relativeError(prefilled.get('0')!.data, rowsOf(expected, 0, PREFILL))).toBeLessThan(1e-5);
    expect(relativeError(stepped.get('0')!.data, rowsOf(expected, PREFILL, LENGTH))).toBeLessThan(1e-5);
  });
});
