/** Programs in PyTorch against the interpreter: all combinations of TinyGPT-V's flags, and what no model of models/ has. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { DiagnosticError } from '../../src/compiler/index.ts';
import { loadModel, openWeights, type SettingsOptions } from '../../src/compiler/workbench/model.ts';
import { openForRun } from '../../src/compiler/workbench/session.ts';
import { type HostTensor, narrow } from '../../src/shared/tensor.ts';
import { recordingOutput } from '../cli/output.ts';
import { feedsOf } from '../language/feeds.ts';
import { combinations, FLAGS, nameOf, SMALL } from '../language/flags.ts';
import { relativeError } from '../support/reference.ts';
import { describeTorch, type Job, type Result, runJobs, scratch, written } from './support.ts';

const TOLERANCE = 1e-5;

/** The program that is exported too. */
const SIZES = 'sizes of axes as numbers';

/** Each has an entry `run`; B and T are 2 and 5. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'batch norm': `import { BatchNorm2d } from "std"
    model Tiny { norm = BatchNorm2d(3)  entry run(x: [B, 3, T, 4]) -> (y: [B, 3, T, 4]) { norm(x) } }`,
  'group norm and one-dimensional convolutions': `import { Conv1d, GroupNorm } from "std"
    model Tiny {
      conv = Conv1d(4, 6, 3, padding = 1)
      norm = GroupNorm(2, 6)
      entry run(x: [B, 4, 8]) -> (y: [B, 6, 8, 1]) { norm(reshape(conv(x), [B, 6, 8, 1])) }
    }`,
  'convolutions of images of any size': `import { Conv2d } from "std"
    model Tiny {
      stem = Conv2d(3, 4, 3, stride = 2, padding = 1)
      param up: [4, 2, 3, 3] = normal(0.3)
      entry run(x: [B, 3, 4 * T, 4 * B]) -> (y: [B, 2, 4 * T, 4 * B], z: [B, 4, T, B]) {
        let y = stem(x)
        (conv_transpose2d(y, up, stride = 2, padding = 1, output_padding = 1), max_pool2d(y, kernel = 2))
      }
    }`,
  'several values, of a function and of a module': `module Two(d) {
      param w: [d] = normal(1.0)
      fn both(x) { (x * w, x + w) }
      forward(x: [B, T, d]) { both(x) }
    }
    model Tiny {
      two = Two(4)
      entry run(x: [B, T, 4]) -> (y: [B, T, 4], z: [B, T, 4]) {
        let a, b = two(x)
        let c, d = two(b)
        (a - d, c * a + b)
      }
    }`,
  'bodies without a tensor to ask where theirs go': `fn table(n) { sin(float(iota(n)) * 0.5) }
    fn twice(n) { let t = table(n)  t + table(2 * n)[n:] }
    module Places(n) {
      fn rows() { let t = table(n)  t * t }
      forward(x: [B, T, n]) { x + rows() + twice(n) }
    }
    model Tiny {
      places = Places(4)
      entry run(x: [B, T, 4]) -> (y: [B, T, 4]) { places(x) + twice(4) }
    }`,
  'a list of tensors as an argument': `fn joined(items) { concat(items, axis = 1) }
    model Tiny { entry run(x: [B, T, 4]) -> (y: [B, 2 * T, 4]) { joined([x, exp(x)]) } }`,
  'loops over numbers, over pairs, and over a part of a list': `import { Linear } from "std"
    model Tiny {
      layers = [Linear(4, 4) for i in range(4)]
      entry run(x: [B, T, 4]) -> (y: [B, T, 4]) {
        let h = x
        for i in range(3) { h = layers[i](h) + float(i) }
        for layer in layers[1:] { h = layer(h) * 0.5 }
        for i in range(2) { let t = h  h = t + x }
        h
      }
    }`,
  'a value that is read inside of a loop and after it': `import { Linear } from "std"
    model Tiny {
      layers = [Linear(4, 4) for i in range(3)]
      entry run(x: [B, T, 4]) -> (y: [B, T, 4]) {
        let skip = sigmoid(x)
        for layer in layers { x = layer(x) + skip }
        let h = x
        let x = h * skip
        x + h
      }
    }`,
  [SIZES]: `model Tiny {
      entry run(x: [B, T, 4]) -> (y: [T, 4]) {
        let rows = sum(x, axes = 0) / float(B)
        rows + reshape(float(iota(T)), [T, 1]) * float(B * T + 1)
      }
    }`,
  'sizes that Python has no quotient, power or int of': `model Tiny {
      entry run(x: [T, B]) -> (
        inverse: [T, B], nothing: [T, B], minus: [T, B], root: [T, B], power: [T, B], large: [T, B], half: [T, B], whole: int[B], infinite: int[B]
      ) {
        let gone = float(T - 5)
        let y = abs(x) + 1.0
        (
          y * (1.0 / gone), y * (gone / gone), y / gone * (-1.0 / -gone), y * float(4 - T) ** 0.5, y * gone ** -0.5,
          y * float(T) ** 1000.0, y * (float(T) / 2.0 + 1.0 / float(T)), int(float(T) / -2.0) + iota(B), expand(int(float(T) / gone), [B])
        )
      }
    }`,
  'numbers of sizes that have names, that are results, and that a function gives': `import { Linear } from "std"
    module Count(n) { forward(x: [R, n]) -> [] { float(R) + 1.0 } }
    model Tiny {
      count = Count(4)
      entry run(x: [B, T, 4]) -> (y: [B, T, 4], rows: [], n: int[]) {
        let size = float(T)
        let same = size
        let h = x * sqrt(size) + log(same)
        for i in range(2) { h = h + exp(-size) }
        (h / sqrt(count(x[:, 0])), size, B)
      }
    }`,
  'convolutions whose sizes are lists': `import { Conv2d } from "std"
    model Tiny {
      padded = Conv2d(2, 2, kernel = 3, padding = [1, 1])
      uneven = Conv2d(2, 4, kernel = [3, 2], stride = [1, 2], padding = [2, 0], dilation = [2, 1], groups = 2)
      plain = Conv2d(4, 1, kernel = [1, 1], stride = [1, 1], dilation = [1, 1], with_bias = false)
      entry run(x: [B, 2, 5, 6]) -> (y: [B, 1, 5, 3]) { plain(uneven(padded(x))) }
    }`,
  'slices, reversals, padding and tiles': `model Tiny {
      entry run(x: [B, T, 4]) -> (y: [B, 2 * T + 1, 4]) {
        let tail = x[:, 1:, :2]
        let last = x[:, -1]
        concat([repeat(flip(x, 1), [1, 2, 1]), pad(last[:, 1:3], [0, 1], [0, 1]) |> reshape([B, 1, 4])], axis = 1) + sum(tail)
      }
    }`,
  'comparisons and choices': `model Tiny {
      entry run(x: [B, T, 4]) -> (y: [B, T, 4]) {
        let big = x > 0.2 and not (x >= 0.6)
        where(big, maximum(x, 0.5), minimum(2.0, x ** 2.0)) + clamp(x, -0.1, 0.1)
      }
    }`,
  'a module that is shared, and one that is called with other sizes': `import { Linear } from "std"
    module Pair(d) { fc = Linear(d, d)  forward(x: [..., d]) -> [..., d] { fc(x) } }
    model Tiny {
      a = Pair(4)
      entry run(x: [B, T, 4]) -> (y: [B, T, 4]) { a(x) + reshape(a(x[:, 0]), [B, 1, 4]) }
    }`,
};

/** One body that runs more than once, as one method or as several. */
const CALLS: Readonly<Record<string, string>> = {
  'calls that read different parameters': `module Either(n) {
      param w: [n] = normal(1.0)
      param u: [n] = normal(1.0)
      param rows: [2, n] = normal(1.0)
      buffer kept: [n] = normal(1.0)
      fn pick(x, first) { x * (w when first else u) + 1.0 }
      forward(x: [..., n], which = 0) -> [..., n] {
        if which == 0 { x * w } else { if which == 1 { x * u } else { if which == 2 { x * kept } else { x * rows[which - 3] } } }
      }
    }
    module Twice(n) {
      either = Either(n)
      param w: [n] = normal(1.0)
      param u: [n] = normal(1.0)
      fn pick(x, first) { let t = x * (w when first else u)  t * t }
      forward(x: [..., n], first) -> [..., n] { let t = pick(x, first)  either(t, 0 when first else 1) + t }
    }
    model Tiny {
      a = Either(4)
      b = Either(4)
      c = Twice(4)
      d = Twice(4)
      entry other(x: [B, T, 4]) -> (y: [B, T, 4]) { a(x, 4) + c(x, true) }
      entry run(x: [B, T, 4]) -> (p: [B, T, 4], q: [B, T, 4], r: [B, T, 4], s: [B, T, 4], t: [B, T, 4], u: [B, T, 4]) {
        (a(x), a(x, 1), a(x, 2), a(x, 3) + a(x, 4), c(x, false) - d(x, true), b(x, 1) * b(x))
      }
    }`,
  'members of a list by their places, and one module under several names': `import { Linear } from "std"
    module Deep(n) {
      layers = [Linear(n, n) for i in range(3)]
      forward(x: [..., n], k = 0) -> [..., n] { let y = layers[k](x)  y * y }
    }
    model Tiny {
      deep = Deep(4)
      same = deep
      all = [deep, Deep(4), same]
      entry other(x: [B, T, 4]) -> (y: [B, T, 4]) { deep(x, 2) }
      entry run(x: [B, T, 4]) -> (p: [B, T, 4], q: [B, T, 4], r: [B, T, 4]) {
        let y = x
        for i in range(3) { y = y + all[i](y, k = i) }
        (deep(x), same(x, 1) - deep(x, 2), y)
      }
    }`,
  'numbers and ranks that differ': `import { Linear } from "std"
    module Scaled(n) {
      fc = Linear(n, n)
      forward(x: [..., n], s = 1.0) -> [..., n] { fc(x) * s }
    }
    module Least(n) { forward(x: [B, T, n], low, high) -> [B, T, n] { let y = clamp(x, low, high)  y + y * y } }
    model Tiny {
      a = Scaled(4)
      b = Least(4)
      entry other(x: [B, T, 4]) -> (y: [B, T, 4]) { a(x, 3.0) }
      entry run(x: [B, T, 4]) -> (p: [B, 4], q: [B, 4], r: [B, T, 4], s: [B, T, 4], t: [B, T, 4]) {
        (a(x[:, 0], 5.0), a(x[:, 0], 7.0), a(x, 7.0), b(x, -0.2, 0.1), b(x, 0.1, 0.3))
      }
    }`,
  'lists of tensors that are cut elsewhere': `fn mixed(p, q) { let a = concat(p, axis = 1)  let b = concat(q, axis = 1)  concat([a * 2.0, b], axis = 1) }
    fn one(x, y, z) { let m = mixed([x, y], [z])  m + 1.0 }
    fn two(x, y, z) { let m = mixed([x], [y, z])  m + 1.0 }
    module Both(n) { forward(x: [B, T, n], first = true) { let m = mixed([x, x], [x]) when first else mixed([x], [x, x])  m + 1.0 } }
    model Tiny {
      both = Both(4)
      entry run(x: [B, T, 4]) -> (y: [B, 3 * T, 4], z: [B, 3 * T, 4], p: [B, 3 * T, 4], q: [B, 3 * T, 4]) {
        let y = exp(x)
        (one(x, y, x), two(x, y, x), both(x), both(x, false))
      }
    }`,
};

interface Pair {
  readonly job: Job;
  readonly want: Readonly<Record<string, HostTensor>>;
}

/** A model in both, with the weights of seed 0, and the interpreter's results. */
async function pair(file: string, entry: string, settings: SettingsOptions, fills = {}): Promise<Pair> {
  const options = { ...settings, init: 0 };
  const said = recordingOutput();
  const loaded = loadModel(file, options, said);
  const weights = (await openWeights(loaded.model, options, said))!;
  const traced = loaded.model.entry(entry);
  if (!traced) throw new DiagnosticError(loaded.compilation.diagnostics());
  const { graph } = traced;
  const feeds = feedsOf(graph, { B: 2, N: 2, T: 5 }, fills);
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, narrow(tensor)]));
  const session = await openForRun(loaded, weights, { backend: 'reference', opset: 17, entries: [entry] });
  try {
    return { job: { folder: await written(file, options), entry, inputs }, want: await session.run(entry, inputs) };
  } finally {
    await session.dispose();
    await weights.close();
  }
}

function expectSame(found: Result, want: Readonly<Record<string, HostTensor>>): void {
  for (const [index, { shape, data }] of Object.values(want).entries()) {
    const other = found.get(String(index))!;
    expect(other.shape).toEqual([...shape]);
    const counts = (at: number): boolean => Number.isFinite(Number(data[at]));
    const others = (from: ArrayLike<number | bigint>): number[] =>
      Array.from(from, Number).filter((_, at) => !counts(at));
    expect(others(other.data)).toEqual(others(data)); // NaN and infinities
    expect(relativeError(other.data, data, counts)).toBeLessThan(TOLERANCE);
  }
}

describeTorch('programs', () => {
  const pairs: Record<string, Pair> = {};
  let results: { readonly [name: string]: () => Result };

  beforeAll(async () => {
    for (const [index, [name, source]] of Object.entries({ ...PROGRAMS, ...CALLS }).entries()) {
      const file = join(scratch, `program-${index}.mdl`);
      writeFileSync(file, source);
      pairs[name] = await pair(file, 'run', {});
    }
    const jobs = Object.fromEntries(Object.entries(pairs).map(([name, { job }]) => [name, job]));
    const { x, ...rest } = jobs[SIZES]!.inputs;
    const traced = { ...rest, x: { ...x!, shape: [3, 7, 4], data: new Float32Array(3 * 7 * 4) } };
    const exported: Job = { ...jobs[SIZES]!, how: 'export', dynamic: { x: [0, 1] }, traced };
    results = runJobs({ ...jobs, exported });
  }, 300_000);

  it.each(Object.keys({ ...PROGRAMS, ...CALLS }))('%s', (name) => expectSame(results[name]!(), pairs[name]!.want));

  it('what is exported from other sizes keeps its axes dynamic where their sizes are numbers', () =>
    expectSame(results.exported!(), pairs[SIZES]!.want));
});

describeTorch('calls of one body in training', () => {
  it('drop each at its own rate', async () => {
    const file = join(scratch, 'rates.mdl');
    writeFileSync(
      file,
      `module Drop(n) { param w: [n] = ones()  forward(x: [B, n], p = 0.1) -> [B, n] { dropout(x * w, p) } }
      model Tiny {
        drop = Drop(4000)
        entry run(x: [B, 4000]) -> (y: [B, 4000], z: [B, 4000]) { (drop(x), drop(x, 0.9)) }
      }`,
    );
    const { job } = await pair(file, 'run', {});
    const found = runJobs({ train: { ...job, train: true } }).train();
    const rates = ['0', '1'].map((name) => {
      const { data } = found.get(name)!;
      return Array.from<unknown>(data).filter((value) => value === 0).length / data.length;
    });
    expect(rates[0]).toBeCloseTo(0.1, 1);
    expect(rates[1]).toBeCloseTo(0.9, 1);
  });
});

describeTorch('each combination of the flags of TinyGPT-V', () => {
  const pairs: Record<string, Pair> = {};
  let results: { readonly [name: string]: () => Result };

  beforeAll(async () => {
    const configFile = join(scratch, 'small.json');
    writeFileSync(configFile, JSON.stringify(SMALL));
    for (const flags of combinations) {
      const image = flags.q_former ? 2 : 1;
      const fills = { input_ids: (column: number) => (column < image ? -1 : column + 1) };
      const set = FLAGS.map((flag) => `${flag}=${flags[flag]}`);
      const settings = { config: 'nano', configFile, set };
      pairs[nameOf(flags)] = await pair('models/tinygpt-v.mdl', 'loss', settings, fills);
    }
    results = runJobs(Object.fromEntries(Object.entries(pairs).map(([name, { job }]) => [name, job])));
  }, 600_000);

  it.each(combinations.map(nameOf))('%s', (name) => expectSame(results[name]!(), pairs[name]!.want));
});
