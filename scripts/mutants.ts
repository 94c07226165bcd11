/**
 * The mutation gate (`npm run mutants`): puts faults of test/mutants/*.ts back into a copy of the sources, one at a time,
 * and runs the test that each names. A fault that no test sees is a fault that can ship: exits with 1.
 *
 *     npm run mutants                      all of them
 *     npm run mutants -- --sample 8        eight of them, chosen by the commit: other ones for every commit
 *     npm run mutants -- --only state      those of test/mutants/state.ts; of another text, whose fault contains it
 *     npm run mutants -- --list            what there is, without running anything
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type NamedMutant, occurrences, readMutants } from '../test/mutants/all.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { sample: { type: 'string' }, only: { type: 'string' }, list: { type: 'boolean', default: false } },
});

const all = await readMutants();
const areas = new Set(all.map(({ area }) => area));
const chosen = sample(
  all.filter(({ area, fault }) =>
    areas.has(values.only ?? '') ? area === values.only : fault.includes(values.only ?? ''),
  ),
  values.sample,
);
if (chosen.length === 0) {
  console.error(`no fault matches ${values.only}; --list shows all ${all.length}`);
  process.exit(1);
}
if (values.list) {
  for (const { area, fault, test, fails } of chosen) console.log(`${area}: ${fault}\n    ${test} > ${fails}`);
  process.exit();
}

const copy = copyOfSources();
let survived = 0;
try {
  for (const mutant of chosen) {
    const verdict = judge(mutant);
    if (verdict !== 'caught') survived++;
    console.log(`${verdict === 'caught' ? 'caught  ' : 'SURVIVED'}  ${mutant.area}: ${mutant.fault}`);
    if (verdict !== 'caught') console.log(`          ${mutant.test} > ${mutant.fails}: ${verdict}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`${chosen.length - survived} of ${chosen.length} faults caught (${all.length} known)`);
process.exitCode = survived > 0 ? 1 : 0;

/** `--sample`: by a hash of the commit and the fault, so that a commit always runs the same and each commit others. */
function sample(mutants: readonly NamedMutant[], count: string | undefined): readonly NamedMutant[] {
  if (count === undefined) return mutants;
  const wanted = Number(count);
  if (!Number.isInteger(wanted) || wanted < 1) {
    console.error(`--sample is ${count}, and a whole number above 0 is expected`);
    process.exit(1);
  }
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  const rank = ({ fault }: NamedMutant): string => createHash('sha256').update(commit).update(fault).digest('hex');
  return [...mutants].sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, wanted);
}

/** What git tracks or would track, as it stands: nothing is changed in the project itself. */
function copyOfSources(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mdl-mutants-'));
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  for (const file of execFileSync('git', list, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\0'))
    if (file !== '' && existsSync(join(root, file))) cpSync(join(root, file), join(folder, file));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  if (existsSync(join(root, 'dist'))) cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  return folder;
}

/** `caught`, or why the fault was not. */
function judge({ file, find, replace, test, fails }: NamedMutant): string {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  if (occurrences(text, find) !== 1) return `the text to replace stands ${occurrences(text, find)} times in ${file}`;
  const before = join(copy, 'mutant-report.json');
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  try {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const asked = ['run', test, '-t', pattern(fails), '--reporter=json', `--outputFile=${before}`];
    // all modules but the one that is changed are as they were for the mutant before, which halves the time of most
    asked.push('--experimental.fsModuleCache', `--experimental.fsModuleCachePath=${join(copy, 'module-cache')}`);
    const { stderr } = spawnSync(process.execPath, [vitest, ...asked], {
      cwd: copy,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    if (!existsSync(before)) return `the tests did not start: ${stderr.split('\n')[0]}`;
    const report = JSON.parse(readFileSync(before, 'utf8')) as Report;
    const ran = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    if (ran.some(({ status }) => status === 'failed')) return 'caught';
    if (report.testResults.some(({ status, message }) => status === 'failed' && message)) return 'caught'; // does not load
    return ran.some(({ status }) => status === 'passed') ? 'the test passes' : 'no test has this name';
  } finally {
    writeFileSync(path, text);
    rmSync(before, { force: true });
  }
}

interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** vitest matches `-t` as a regular expression against names joined by spaces; ours have ` > ` between them. */
function pattern(name: string): string {
  return name.replaceAll(' > ', ' ').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
