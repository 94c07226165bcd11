/** docs/mutants.md: which faults the tests are known to catch, and by which test. */
import { readMutants } from '../../test/mutants/all.ts';
import type { Generator } from './files.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

export const mutants: Generator = {
  name: 'mutants',
  inputs: ['test/mutants/mutant.ts'],
  async generate() {
    const all = await readMutants();
    const rows = all.map(
      ({ fault, file, test, fails }) => `| ${cell(fault)} | \`${file}\` | \`${test}\` > ${cell(fails)} |`,
    );
    const text = `<!-- generated from test/mutants by scripts/generate.ts; do not edit, run \`npm run generate\` -->
# Faults that the tests catch

\`npm run mutants\` puts each of these ${all.length} faults back into a copy of the sources, one at a time, and fails unless the
named test does. Most of them shipped once. \`npm run mutants -- --sample 8\` runs some, \`-- --only NAME\` those of one file of
\`test/mutants\`, which is how a whole run is done in the background, several areas at once: \`nice npm run mutants -- --only state\`. The last whole run, of the
137 faults that were known on 30 November 2026, caught all of them.

| Fault | In | Test that fails |
| --- | --- | --- |
${rows.join('\n')}
`;
    return [{ path: 'docs/mutants.md', text }];
  },
};
