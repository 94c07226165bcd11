/**
 * Everything about the source that is checked without running it (`npm run check`): one line per check, the output of
 * those that fail below it. Goes on after a failure; exits with 1 if anything failed.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const script = (name, ...args) => [process.execPath, '--import', 'tsx', join(root, 'scripts', name), ...args];

const CHECKS = [
  { name: 'types', command: [bin('tsc'), '-p', '.'] },
  {
    name: 'declarations',
    command: [bin('tsc'), '-p', 'tsconfig.types.json', '--noEmit', '--emitDeclarationOnly', 'false'],
  },
  { name: 'types of the example page', command: [bin('tsc'), '-p', 'examples/browser'] },
  { name: 'types of the playground', command: [bin('tsc'), '-p', 'examples/playground'] },
  { name: 'lint and format', command: [bin('biome'), 'ci', '.', '--colors=off'], fix: 'npm run format' },
  {
    name: 'layout of .mdl files',
    command: [process.execPath, '--import', 'tsx', join(root, 'src/compiler/cli/main.ts'), 'fmt', '--check', '.'],
    fix: 'npm run format',
  },
  { name: 'imports run one way', command: script('layers.ts') },
  { name: 'sources', command: script('sources.ts') },
  { name: 'generated files', command: script('generate.ts', '--check'), fix: 'npm run generate' },
];

const results = CHECKS.map(({ name, command: [program, ...args], fix }) => {
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = status === 0;
  console.log(`${passed ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)${!passed && fix ? `; try \`${fix}\`` : ''}`);
  const output = `${error ? `${error.message}\n` : ''}${stdout ?? ''}${stderr ?? ''}`;
  const shown = passed
    ? output.split('\n').filter((line) => line.startsWith('warning:'))
    : output.trimEnd().split('\n');
  for (const line of shown) console.log(`        ${line}`);
  return passed;
});

const failed = results.filter((passed) => !passed).length;
console.log(failed === 0 ? 'all checks passed' : `${failed} of ${results.length} checks failed`);
process.exitCode = failed === 0 ? 0 : 1;
