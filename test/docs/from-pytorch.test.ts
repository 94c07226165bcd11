/** docs/from-pytorch.md: each row of its tables is MDL that compiles, in a model with the names that the page gives. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diagnose } from '../diagnostics/support.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/from-pytorch.md'), 'utf8');

/** The MDL of each row below a heading. */
function rows(heading: string): string[] {
  const [, section = ''] = PAGE.split(`\n## ${heading}\n`);
  const [table = ''] = section.split('\n## ', 1);
  return table.split('\n').flatMap((line) => (/^\| .* \| `([^`]+)` \|$/.exec(line) ?? []).slice(1));
}

const STD = 'Linear, Conv2d, LayerNorm, Embedding, LSTM, variance, leaky_relu, masked_fill, mse_loss, next_token_loss';

function model(member: string, statement: string): string {
  return `import { ${STD} } from "std"
model M {
  fc = Linear(8, 8)
  layers = [Linear(8, 8), Linear(8, 8)]
  ${member}
  entry run(x: [B, T, 8], y: [B, T, 8], i: int[B, T], mask: bool[B, T], table: [100, 8], scores: [B, 10], target: int[B]) -> (out: [B, T, 8]) {
    ${statement}
    x
  }
}`;
}

describe.each([
  ['Tensors', 40, (row: string) => model('', `let made = ${row}`)],
  ['Losses', 7, (row: string) => model('', `let made = ${row}`)],
  ['Layers', 8, (row: string) => model(`made = ${row}`, '')],
  ['Statements', 6, (row: string) => model('', row)],
] as const)('%s', (heading, least, text) => {
  it.each(rows(heading))('%s', (row) => {
    expect(diagnose(text(row)).filter(({ severity }) => severity === 'error')).toEqual([]);
  });
  it('are all rows of the table', () => {
    const [, section = ''] = PAGE.split(`\n## ${heading}\n`);
    const lines = section
      .split('\n## ', 1)[0]!
      .split('\n')
      .filter((line) => line.startsWith('| '));
    expect(rows(heading).length).toBe(lines.length - 2);
    expect(rows(heading).length).toBeGreaterThanOrEqual(least);
  });
});
