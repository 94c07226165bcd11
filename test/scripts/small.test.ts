/** docs/small.md is what scripts/small/page.ts makes of what was measured, and keeps what the project promises. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Measured, smallPage } from '../../scripts/small/page.ts';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { SILENT } from '../../src/compiler/workbench/notes.ts';
import { sessionMemory } from '../../src/compiler/workbench/plan/session-memory.ts';
import { ROOT, TINYGPTV } from '../cli/support.ts';

const measured = JSON.parse(readFileSync(join(ROOT, 'scripts/small/measured.json'), 'utf8')) as Measured;

it('the page is current: npm run small -- --page', () => {
  expect(readFileSync(join(ROOT, 'docs/small.md'), 'utf8')).toBe(smallPage(measured));
});

const MOST = { int4: 3e9, int8: 5e9 };

describe.each(measured.full)('$storage at full size', ({ storage, run, session, weights }) => {
  it('took what it may at most', () => {
    expect(1e6 * run.peak).toBeLessThan(MOST[storage]);
  });

  it('took what is told before, within 10 %', () => {
    const { model } = loadModel(TINYGPTV, { config: 'full' }, SILENT);
    const graphs = graphsOf(model, { quantise: storage, entries: ['encode_image', 'embed_tokens', 'decode'] })!;
    const sizes = { N: 1, B: 1, T: 1, P: 32 + measured.tokens - 1 };
    const told = sessionMemory(graphs, { contrib: true, dimsOf: () => new Map(Object.entries(sizes)) });
    // embed_tokens has a prompt of 64 there, which is half a MB
    expect(Math.abs(told.total - session)).toBeLessThan(2e6);
    const taken = 1e6 * run.rows['last token']!.resident;
    expect(Math.abs(taken / told.total - 1)).toBeLessThan(0.1);
    expect(told.total).toBeGreaterThan(weights);
  });
});
