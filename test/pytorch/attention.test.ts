/** Attention and rotary as they are written for PyTorch, with all that they can have, against torch in float64: the programs of test/fixtures/functions. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import { narrow } from '../../src/shared/tensor.ts';
import { loadFunctionCases } from '../ops/function-cases.ts';
import { relativeError } from '../support/reference.ts';
import { describeTorch, type Job, type Result, runJobs, scratch, written } from './support.ts';

const CASES = loadFunctionCases().filter(({ name }) => /^(attention|rotary)/.test(name));

describeTorch('attention and rotary', () => {
  let results: { readonly [name: string]: () => Result };

  beforeAll(async () => {
    const jobs: Record<string, Job> = {};
    for (const [index, { name, program, inputs }] of CASES.entries()) {
      const file = join(scratch, `attention-${index}.mdl`);
      writeFileSync(file, program);
      const given = Object.fromEntries([...inputs].map(([input, tensor]) => [input, narrow(tensor)]));
      const folder = await written(file, {});
      // the programs have no parameters, and load() reads a file
      writeFileSync(join(folder, 'model.safetensors'), encodeSafetensors(new Map()));
      jobs[name] = { folder, entry: 'main', inputs: given };
    }
    results = runJobs(jobs);
  }, 300_000);

  it.each(CASES)('$name', ({ name, output }) => {
    const found = results[name]!().get('0')!;
    expect(found.shape).toEqual(output.shape);
    expect(relativeError(found.data, output.data)).toBeLessThan(1e-5);
  });
});
