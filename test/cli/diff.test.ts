/** `mdl diff`: two files, two revisions, two settings of one file. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { OP_NAMES } from '../../src/compiler/ops/index.ts';
import { compareGraphs } from '../../src/compiler/workbench/diff/graph.ts';
import { buildExtraCase, EXTRA_CASES } from '../ops/extra-cases.ts';
import { buildCase, loadCases } from '../ops/reference-cases.ts';
import { folderWith, mdl, ROOT } from './support.ts';

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

/** Of two norms of 4 numbers: 8 operations for each, and each written as f32; all else is the same. */
const NORM_COSTS = `FLOPs, entry run at B=1
  blocks: 128 → 64 (−64)
  total: 152 → 88 (−64)

activations, bytes, entry run at B=1
  blocks: 64 → 32 (−32)
  total: 76 → 44 (−32)
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

weights, bytes
  blocks: 224 → 160 (−64)
  total: 284 → 220 (−64)

checkpoint keys
  - blocks[*].norm.weight [4] × 2
  - blocks[*].norm.bias [4] × 2

entry run
  nodes: 5 → 3 (−2)
  layer_norm: 2 → 0 (−2)

${NORM_COSTS}`,
  });
});

it('--summary: totals, and what is not named is counted', async () => {
  const folder = folderWith({ 'a.mdl': NET });
  const { code, stdout } = await mdl(folder, 'diff', 'a.mdl', '--to-set', 'norm_on=false', '--summary');
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: `settings
  flag norm_on: true → false

parameters
  blocks: 56 → 40 (−16)
  total: 71 → 55 (−16)

weights
  bytes: 284 → 220 (−64)
  keys: 4 gone

entries
  run, nodes: 5 → 3 (−2)
  run, FLOPs at B=1: 152 → 88 (−64)
  run, bytes of activations at B=1: 76 → 44 (−32)
`,
  });
  const wide = await mdl(folder, 'diff', 'a.mdl', '--to-config', 'wide', '--summary');
  expect(wide.stdout).toContain('\n  keys: 9 of another type\n');
  const same = await mdl(folder, 'diff', 'a.mdl', '--summary');
  expect(same).toMatchObject({ code: 0, stdout: 'no difference\n' });
});

it('--summary: says what differs in nothing but an initial value', async () => {
  const folder = folderWith({
    'a.mdl': NET,
    'b.mdl': NET.replace('head   = Linear(width, 3)', 'head   = Linear(width, 3, init = normal(0.25))'),
  });
  const { code, stdout } = await mdl(folder, 'diff', 'a.mdl', 'b.mdl', '--summary');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^parameters of both\n {2}head\.weight/);
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
    'parameters\n  head: 15 → 12 (−3)\n  total: 15 → 12 (−3)\n\nweights, bytes\n  head: 60 → 48 (−12)\n  total: 60 → 48 (−12)\n\ncheckpoint keys\n  - head.fc.bias [3]\n\n' +
      'entry run\n  linear operand 3: parameter head.fc.bias → (none) (head.fc)\n',
  ]);
  const wrong = await mdl(folder, 'diff', 'nowhere:net.mdl', 'net.mdl');
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain(
    "error[C0482]: nowhere:net.mdl cannot be read from git: invalid object name 'nowhere'",
  );
});

describe('what was compiled', () => {
  const folder = folderWith({ 'a.mdl': NET });
  const graph = { a: 'a/onnx/model.onnx', b: 'b/onnx/model.onnx' };
  beforeAll(async () => {
    for (const [out, flag] of [
      ['a', 'true'],
      ['b', 'false'],
    ] as const) {
      const made = await mdl(folder, 'compile', 'a.mdl', '--init', '0', '--set', `norm_on=${flag}`, '--out', out);
      expect(made.code).toBe(0);
    }
  });

  it('two folders: settings, keys, operators of ONNX, costs', async () => {
    const { code, stdout } = await mdl(folder, 'diff', 'a', 'b');
    expect(code).toBe(1);
    expect(stdout).toContain('settings\n  flag norm_on: true → false\n');
    expect(stdout).toContain('checkpoint keys\n  - blocks[*].norm.weight f32[4] × 2\n');
    expect(stdout).toContain('entry run\n  nodes: 5 → 3 (−2)\n  LayerNormalization: 2 → 0 (−2)\n');
    expect(stdout).toContain(NORM_COSTS);
  });

  it.each([
    ['a', 'a.mdl'],
    ['a.mdl', 'a'],
    ['a/onnx/model.onnx', 'a.mdl'],
    ['a', 'a/onnx/model.onnx'],
  ])('%s and %s are the same', async (one, other) => {
    expect(await mdl(folder, 'diff', one, other)).toMatchObject({ code: 0, stdout: 'no difference\n' });
  });

  it('a file beside a program under other settings, or another file', async () => {
    for (const args of [
      [graph.a, 'a.mdl', '--to-set', 'norm_on=false'],
      [graph.a, graph.b],
    ]) {
      const { code, stdout } = await mdl(folder, 'diff', ...args);
      expect(code).toBe(1);
      expect(stdout).not.toContain('settings');
      expect(stdout).toContain('  blocks: 56 → 40 (−16)\n');
      // two files have no entry but what the files are called
      expect(stdout.replaceAll('entry model', 'entry run')).toContain(NORM_COSTS);
    }
  });

  it.each([
    ['C0612', ['a', 'b', '--set', 'norm_on=true'], '--set says how a program is compiled'],
    ['C0612', ['a.mdl', 'b', '--to-config', 'wide'], '--to-config says'],
    ['C0208', ['a.mdl', '--entry', 'run'], '--entry has no meaning without an ONNX file on one side'],
    [
      'C0611',
      ['a/onnx/model.onnx', 'a.mdl', '--entry', 'walk'],
      'Net has no entry walk to compare model.onnx with: it has run',
    ],
    ['C0611', ['a/onnx/model.onnx', 'two.mdl'], 'say with --entry which of them it is'],
    ['C0504', ['a.mdl', 'bad.onnx'], 'bad.onnx cannot be shown'],
  ])('%s: %j', async (code, args, message) => {
    const second = '\n  entry again(x: [B, width]) -> (y: [B, width]) { x + x }\n}\n';
    writeFileSync(join(folder, 'two.mdl'), NET.replace(/\}\n$/, second));
    writeFileSync(join(folder, 'bad.onnx'), 'no protobuf');
    const ran = await mdl(folder, 'diff', ...args);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(`error[${code}]: `);
    expect(ran.stderr).toContain(message);
  });

  it('--entry says which entry a file is', async () => {
    writeFileSync(
      join(folder, 'two.mdl'),
      NET.replace(/\}\n$/, '\n  entry again(x: [B, width]) -> (y: [B, width]) { x + x }\n}\n'),
    );
    const { stdout } = await mdl(folder, 'diff', graph.a, 'two.mdl', '--entry', 'run');
    expect(stdout).toBe('no difference\n');
  });

  it('costs alone differ, as attributes of ONNX are not compared', async () => {
    const net = (stride: number): string => `import { Conv2d } from "std"
model Net {
  c = Conv2d(3, 4, 4, stride = ${stride})
  entry run(x: [B, 3, 16, 16]) -> (y: [B, 4]) { mean(c(x), axes=[2, 3]) }
}
`;
    const strides = folderWith({ 's4.mdl': net(4), 's2.mdl': net(2) });
    for (const name of ['s4', 's2']) await mdl(strides, 'compile', `${name}.mdl`, '--init', '0', '--out', name);
    const { code, stdout } = await mdl(strides, 'diff', 's4', 's2');
    // 4 channels of 4 × 4 against 7 × 7 places, 96 operations for each
    expect(stdout).toMatch(/^FLOPs, entry run at B=1\n {2}c: 6,144 → 18,816 /);
    expect(code).toBe(1);
  });

  it('--html writes a page of its own, with what is said in it escaped', async () => {
    writeFileSync(join(folder, 'b.mdl'), NET.replace('head(x)', 'head(x) * 2.0'));
    await mdl(folder, 'diff', 'a.mdl', 'b.mdl', '--to-set', 'norm_on=false', '--html', 'd.html');
    const page = readFileSync(join(folder, 'd.html'), 'utf8');
    expect(page).toContain('<tr><td>blocks</td><td>56</td><td>40</td><td>−16</td></tr>');
    expect(page).toContain('<h1>a.mdl → b.mdl</h1>');
    expect(page).not.toMatch(/(src|href)=|<script|@import/);
    await mdl(folder, 'diff', 'a.mdl', '--html', 'd.html');
    expect(readFileSync(join(folder, 'd.html'), 'utf8')).toContain('<p>no difference</p>');
    const refused = await mdl(folder, 'diff', 'a.mdl', '--html', 'nowhere/d.html');
    expect(refused.stderr).toContain('error[C0105]');
  });
});

it('a mistake in a body is shown', async () => {
  const folder = folderWith({ 'a.mdl': NET, 'b.mdl': NET.replace('head(x)', 'head(x) + transpose(x, 0, 1)') });
  const { code, stderr } = await mdl(folder, 'diff', 'a.mdl', 'b.mdl');
  expect(code).toBe(1);
  expect(stderr).toMatch(/error\[E0\d+\][\s\S]*b\.mdl:21:/);
});

/** The example under the config tiny, and it with a part replaced. */
async function changed(part: string, by: string): Promise<string> {
  const text = readFileSync(join(ROOT, 'examples/gpt.mdl'), 'utf8');
  expect(text).toContain(part);
  const folder = folderWith({ 'a.mdl': text, 'b.mdl': text.replaceAll(part, by) });
  const { code, stdout } = await mdl(folder, 'diff', 'a.mdl', 'b.mdl', '--config', 'tiny');
  expect(code).toBe(1);
  return stdout;
}

it('attributes of ops, with how many nodes and the modules that they are in', async () => {
  expect(await changed('LayerNorm(width)', 'LayerNorm(width, eps = 0.1)')).toContain(
    '  layer_norm eps: 0.00001 → 0.1 × 5 (blocks[*].ln_1, blocks[*].ln_2, ln_f)\n',
  );
  expect(await changed('causal = true', 'causal = false')).toContain(
    'attention causal: true → false × 2 (blocks[*].attn)\n',
  );
});

it('constants, and what operands are', async () => {
  expect(await changed('h + mlp(ln_2(h))', 'h + mlp(ln_2(x))')).toContain('(blocks[*].ln_2)\n');
  const [a, b] = ['2.5', '2.75'].map((factor) => NET.replace('head(x)', `head(x) * ${factor}`));
  const { stdout } = await mdl(folderWith({ 'a.mdl': a!, 'b.mdl': b! }), 'diff', 'a.mdl', 'b.mdl');
  expect(stdout).toBe('entry run\n  mul operand 2: const []: 2.5 → const []: 2.75\n');
});

it('stages, recipe settings and initial values', async () => {
  expect(await changed('lr = 3e-3', 'lr = 5e-3')).toBe('stages\n  train_all schedule lr: 0.003 → 0.005\n');
  expect(await changed('weight_decay = 0.1', 'weight_decay = 0.2')).toBe(
    'stages\n  train_all optimize weight_decay: 0.1 → 0.2\n',
  );
  expect(await changed('eos = 0', 'eos = 1')).toBe('recipe\n  eos: 0 → 1\n');
  const scale = (std: number): string =>
    `model Net {\n  param w: [4] = normal(0, ${std})\n\n  entry run(x: [B, 4]) -> (y: [B, 4]) { x * w }\n}\n`;
  const { stdout } = await mdl(folderWith({ 'a.mdl': scale(1), 'b.mdl': scale(2) }), 'diff', 'a.mdl', 'b.mdl');
  expect(stdout).toContain('parameters of both\n  w initial values: ');
});

it('rates of dropout, which only training has', async () => {
  const net = (rate: number): string =>
    `model Net {\n  entry loss(x: [B, 4]) -> (loss: []) { mean(dropout(x, ${rate})) }\n}\n`;
  const { stdout } = await mdl(folderWith({ 'a.mdl': net(0.1), 'b.mdl': net(0.2) }), 'diff', 'a.mdl', 'b.mdl');
  expect(stdout).toMatch(/^entry loss in training\n/);
});

it('layouts: the key that a parameter is read from', async () => {
  const net = (key: string): string =>
    `model Net {\n  param w: [4] = zeros()\n\n  entry run(x: [B, 4]) -> (y: [B, 4]) { x * w }\n}\n\nlayout old for Net {\n  "${key}" -> w\n}\n`;
  const { stdout } = await mdl(folderWith({ 'a.mdl': net('v'), 'b.mdl': net('u') }), 'diff', 'a.mdl', 'b.mdl');
  expect(stdout).toMatch(/^layouts\n {2}old w: .*"v".* → .*"u"/);
});

/** A value beside another: of a flag the other one, of a list with one other element. */
function other(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [1] : [other(value[0]), ...value.slice(1)];
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return `${value}_other`;
  return 7;
}

it('no attribute, constant or operand of any op can change without a word', () => {
  const graphs: Graph[] = [...loadCases().map((one) => buildCase(one)), ...EXTRA_CASES.map(buildExtraCase)];
  const seen = new Set<string>();
  const differs = (graph: Graph, mutant: Graph, what: string): void => {
    expect([what, compareGraphs({ graph }, { graph: mutant }, true).length > 0]).toEqual([what, true]);
  };
  for (const graph of graphs) {
    expect(compareGraphs({ graph }, { graph }, true)).toEqual([]);
    graph.nodes.forEach((node, at) => {
      const mutated = (changes: object): Graph => ({
        ...graph,
        nodes: graph.nodes.map((one, index) => (index === at ? ({ ...one, ...changes } as typeof one) : one)),
      });
      seen.add(node.op);
      for (const [name, value] of Object.entries(node.attributes)) {
        const attributes = { ...node.attributes, [name]: other(value) };
        differs(graph, mutated({ attributes }), `${node.op} ${name}`);
      }
      const [first, ...rest] = node.inputs;
      const another = [...graph.inputs, ...graph.constants].find(({ value }) => value !== first);
      if (first !== undefined && another)
        differs(graph, mutated({ inputs: [another.value, ...rest] }), `${node.op} operand`);
    });
    graph.constants.forEach((constant, at) => {
      const data = constant.tensor.data.map((element, index) => (index === 0 ? element + 1 : element));
      const constants = graph.constants.map((one, index) =>
        index === at ? { ...one, tensor: { ...one.tensor, data } } : one,
      );
      if (data.length > 0 && graph.nodes.some(({ inputs }) => inputs.some((read) => read === constant.value)))
        differs(graph, { ...graph, constants }, 'constant');
    });
  }
  expect(OP_NAMES.filter((op) => !seen.has(op))).toEqual([]);
});
