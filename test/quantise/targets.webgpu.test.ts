/** A model with quantised matrices on WebGPU, f32 weights quantised as they are uploaded, is the interpreter's function. */
import { describe, it } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { sessionOn } from '../support/targets.ts';
import { expectEqual, program, RULES } from './program.ts';

describe.skipIf(unavailable !== undefined)('WebGPU', () => {
  it.each(RULES)('%s', async (_, rules) => {
    await expectEqual(await sessionOn('reference', program(...rules)), await sessionOn('webgpu', program(...rules)));
  });
});
