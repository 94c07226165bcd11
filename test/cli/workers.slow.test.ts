/** `--workers N` on data of every kind that workers.test.ts has not. */
import { it } from 'vitest';
import { expectSameBits, KINDS } from './workers.ts';

it.each(Object.keys(KINDS).filter((kind) => kind !== 'text' && kind !== 'a module'))(
  '%s: trains to the same bits',
  expectSameBits,
);
