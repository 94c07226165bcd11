/** `mdl diff`: two files, two revisions, two settings of one file. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderWith, mdl } from './support.ts';

const NET = `import { LayerNorm, Linear } from "std"

flag norm_on = true

config base { width = 4, depth = 2 }
config wide extends base { width = 8 }

module Block(width) {
  fc   = Linear(width, width)
  norm = LayerNorm(width) when norm_on

  forward(x: [B, width]) -> [B, width] { x |> fc |> norm }
}

model Net {
  blocks = [Block(width) for i in range(depth)]
  head   = Linear(width, 3)

  entry run(x: [B, width]) -> (y: [B, 3]) {
    for block in blocks { x = block(x) }
    head(x)
  }
}
`;

it('a flag: its parameters, keys of layers together, and the ops of each entry', async () => {
  expect(await mdl(folderWith({ 'a.mdl': NET }), 'diff', 'a.mdl', '--to-set', 'norm_on=false')).toEqual({
    code: 1,
    stderr: '',
    stdout: `settings
  flag norm_on: true → false

parameters
  blocks: 56 → 40 (−16)
  total: 71 → 55 (−16)

checkpoint keys
  - blocks[*].norm.weight [4] × 2
  - blocks[*].norm.bias [4] × 2

entry run
  nodes: 5 → 3 (−2)
  layer_norm: 2 → 0 (−2)
`,
  });
});

it('a config: shapes and ports; --depth counts by deeper modules', async () => {
  const { stdout } = await mdl(folderWith({ 'a.mdl': NET }), 'diff', 'a.mdl', '--to-config', 'wide', '--depth', '2');
  expect(stdout).toContain('settings\n  config: "base" → "wide"'.replaceAll('"', ''));
  expect(stdout).toContain('  width: 4 → 8\n');
  expect(stdout).toContain('  blocks.1: 28 → 88 (+60)\n');
  expect(stdout).toContain('  ~ blocks[*].fc.weight [4, 4] → [8, 8] × 2\n');
  expect(stdout).toContain('entry run\n  input x: [B, 4] → [B, 8]\n');
});

it('settings hold for both sides, and nothing differs', async () => {
  const folder = folderWith({ 'a.mdl': NET, 'b.mdl': `// another comment\n${NET}` });
  const args = ['diff', 'a.mdl', 'b.mdl', '--config', 'wide', '--set', 'norm_on=false'];
  expect(await mdl(folder, ...args)).toEqual({ code: 0, stdout: 'no difference\n', stderr: '' });
});

it('--json has all of it', async () => {
  const { stdout } = await mdl(folderWith({ 'a.mdl': NET }), '--json', 'diff', 'a.mdl', '--to-set', 'depth=3');
  expect(JSON.parse(stdout)).toMatchObject({
    version: 1,
    settings: [{ name: 'depth', before: '2', after: '3' }],
    total: { before: 71, after: 99 },
    keys: expect.arrayContaining([{ name: 'blocks[*].fc.bias', after: '[4]', count: 1 }]),
    entries: [
      {
        name: 'run',
        ops: [
          { name: 'linear', before: 3, after: 4 },
          { name: 'layer_norm', before: 2, after: 3 },
        ],
      },
    ],
  });
});

it('a revision of git, its imports too', async () => {
  const lib =
    'import { Linear } from "std"\n\nmodule Head(width) {\n  fc = Linear(width, 3)\n\n  forward(x: [B, width]) -> [B, 3] { fc(x) }\n}\n';
  const net =
    'import { Head } from "./lib.mdl"\n\nmodel Net {\n  head = Head(4)\n\n  entry run(x: [B, 4]) -> (y: [B, 3]) { head(x) }\n}\n';
  const folder = folderWith({ 'net.mdl': net, 'lib.mdl': lib });
  const git = (...args: string[]): void => {
    const who = ['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'commit.gpgsign=false'];
    execFileSync('git', [...who, ...args], { cwd: folder, stdio: 'pipe' });
  };
  git('init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'first');
  writeFileSync(join(folder, 'lib.mdl'), lib.replace('Linear(width, 3)', 'Linear(width, 3, with_bias = false)'));
  const { code, stdout } = await mdl(folder, 'diff', 'HEAD:net.mdl', 'net.mdl');
  expect([code, stdout]).toEqual([
    1,
    'parameters\n  head: 15 → 12 (−3)\n  total: 15 → 12 (−3)\n\ncheckpoint keys\n  - head.fc.bias [3]\n',
  ]);
  const wrong = await mdl(folder, 'diff', 'nowhere:net.mdl', 'net.mdl');
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain(
    "error[C0482]: nowhere:net.mdl cannot be read from git: invalid object name 'nowhere'",
  );
});

it('a mistake in a body is shown', async () => {
  const folder = folderWith({ 'a.mdl': NET, 'b.mdl': NET.replace('head(x)', 'head(x) + transpose(x, 0, 1)') });
  const { code, stderr } = await mdl(folder, 'diff', 'a.mdl', 'b.mdl');
  expect(code).toBe(1);
  expect(stderr).toMatch(/error\[E0\d+\][\s\S]*b\.mdl:21:/);
});
