/** Input made to break the compiler: always diagnostics (or a model) before the runner's time-out, never an exception. */
import { describe, expect, it } from 'vitest';
import { renderDiagnostics } from '../../src/compiler/diagnostics/render.ts';
import { diagnose, type Request } from './support.ts';

type Files = string | Readonly<Record<string, string>>;

function codes(files: Files, request: Request = {}): string[] {
  const diagnostics = diagnose(files, request);
  renderDiagnostics(diagnostics);
  return [...new Set(diagnostics.map((diagnostic) => diagnostic.code))];
}

const times = (text: string, count: number): string => text.repeat(count);
const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');
const entry = (body: string): string => `model M {\n  entry run(x: [B, 8]) -> (y: [B, 8]) { ${body} }\n}\n`;
const TRIVIAL = 'entry run(x: [B]) -> (y: [B]) { x }';

describe('size', () => {
  it.each([
    ['10 MB', times('// comment\n', 1_000_000)],
    ['a megabyte of brackets', times('(', 400_000)],
    ['half a megabyte of NUL', times('\0', 500_000)],
  ])('%s is refused unread', (_, text) => expect(codes(text)).toEqual(['E0001']));

  it.each<[string, string, string]>([
    ['NUL bytes', times('\0', 200_000), 'E0003'],
    ['NUL bytes between letters', times('a\0', 120_000), 'E0003'],
    ['quotes', times('"\n', 120_000), 'E0004'],
    ['single quotes', times("'a'", 80_000), 'E0003'],
    ['closing brackets', times(') ', 120_000), 'E0005'],
    ['an open comment', `/*${times('*', 200_000)}`, 'E0003'],
    ['unknown names', entry(`${lines(12_000, (i) => `let a${i} = bb${i}`)} x`), 'E0105'],
    ['syntax errors', lines(12_000, () => 'fn f x'), 'E0005'],
    ['declarations of one name', lines(12_000, () => 'fn f(x) { x }'), 'E0106'],
    ['long names', entry(lines(20, (i) => times('ab', 2000) + i)), 'E0105'],
  ])('a file full of %s', (_, text, code) => expect(codes(text)).toContain(code));

  it('a name of 200,000 letters', () => expect(codes(entry(times('a', 200_000)))).toEqual(['E0105']));
});

describe('nesting', () => {
  it.each([
    ['parentheses', entry(times('(', 100_000))],
    ['lists', entry(`${times('[', 50_000)}1${times(']', 50_000)}`)],
    ['modules', times('module A() {', 20_000)],
    ['when … else …', entry(`${times('x when false else ', 10_000)}x`)],
    ['when (…) else …', entry(`${times('gelu(x) when (false) else ', 9_000)}x`)],
    ['else if', entry(`if false { x }${times(' else if false { x }', 10_000)} x`)],
    ['**', entry(`x${times(' ** 2', 40_000)}`)],
    ['+', entry(`x${times(' + x', 60_000)}`)],
    ['and', entry(`true${times(' and true', 25_000)}`)],
    ['not', entry(`${times('not ', 60_000)}true`)],
    ['-', entry(`${times('- ', 100_000)}x`)],
    ['|>', entry(`x${times(' |> gelu', 25_000)}`)],
    ['.', entry(`x${times('.a', 100_000)}`)],
    ['calls', entry(`x${times('(1)', 60_000)}`)],
    ['indices', entry(`x${times('[0]', 60_000)}`)],
    [
      'functions that call functions',
      `fn f0(x) { x }\n${lines(1000, (i) => `fn f${i + 1}(x) { f${i}(x) }`)}\n${entry('f1000(x)')}`,
    ],
    [
      'blocks in functions that call functions',
      `fn f0(x) { x }\n${lines(300, (i) => `fn f${i + 1}(x) { for i in range(1) { if true { for j in range(1) { x = f${i}(x) } } } x }`)}\n${entry('f300(x)')}`,
    ],
    [
      'modules in modules',
      `module M0() { forward(x: [B]) { x } }\n${lines(300, (i) => `module M${i + 1}() { a = M${i}() forward(x: [B]) { a(x) } }`)}\nmodel M { m = M300() ${TRIVIAL} }`,
    ],
    [
      'config values that need each other',
      `config c { a0 = 1\n${lines(3000, (i) => `a${i + 1} = a${i}`)} }\nmodel M { let b = a3000 ${TRIVIAL} }`,
    ],
  ])('deep %s', (_, text) => expect(codes(text)).toContain('E0002'));

  it.each([
    ['parentheses', entry(`${times('(', 97)}x${times(')', 97)}`)],
    ['parentheses around sums', entry(`${times('(x + x + x + x + ', 90)}x${times(')', 90)}`)],
    ['ifs', entry(`${times('if true { ', 97)}x${times('}', 97)}`)],
    ['sums', entry(`x${times(' + -x', 480)}`)],
    ['pipelines', entry(`x${times(' |> gelu', 480)}`)],
    ['minus', entry(`${times('- ', 400)}x`)],
    ['when … else …', entry(`${times('x when false else ', 48)}x`)],
    [
      'config records',
      `config c { ${times('a { ', 95)} x = 1 ${times('}', 95)} } model M { let e = ${times('a.', 95)}x ${TRIVIAL} }`,
    ],
  ])('the deepest %s that are allowed work', (_, text) => expect(codes(text)).toEqual([]));
});

describe('compile-time work', () => {
  const doubling = (start: string, next: (before: string) => string): string =>
    `model M { let a0 = ${start}\n${lines(60, (i) => `let a${i + 1} = ${next(`a${i}`)}`)}\n${TRIVIAL} }`;
  it.each<[string, string, string]>([
    ['a range of 10^9', `model M { let r = range(1000000000) ${TRIVIAL} }`, 'E0201'],
    ['a range of 10^30', `model M { let r = range(10 ** 30) ${TRIVIAL} }`, 'E0201'],
    ['a million ranges', `model M { let r = [range(1000000) for i in range(1000000)] ${TRIVIAL} }`, 'E0212'],
    [
      '10^12 items',
      `model M { let r = [[i * j for i in range(1000000)] for j in range(1000000)] ${TRIVIAL} }`,
      'E0212',
    ],
    ['lists that double', doubling('[1]', (a) => `${a} + ${a}`), 'E0212'],
    ['strings that double', doubling('"aa"', (a) => `${a} + ${a}`), 'E0212'],
    [
      'lists of modules in lists of modules',
      `module L() { param w: [1] = zeros() forward(x: [B]) { x } }\n${lines(30, (i) => `module M${i}() { a = [${i ? `M${i - 1}` : 'L'}() for i in range(10)] forward(x: [B]) { x } }`)}\nmodel M { m = M29() ${TRIVIAL} }`,
      'E0212',
    ],
    [
      'functions that call twice',
      `fn f0(x) { x + 1 }\n${lines(24, (i) => `fn f${i + 1}(x) { f${i}(f${i}(x)) }`)}\n${entry('f24(x)')}`,
      'E0212',
    ],
    ['huge parameters', `model M { param w: [10 ** 300, 10 ** 300] = zeros() ${TRIVIAL} }`, 'E0201'],
    ['parameters too large', `model M { param w: [100000000, 100000000] = zeros() ${TRIVIAL} }`, 'E0411'],
    ['numbers beyond f64', `model M { let a = ${times('9', 50_000)} param w: [a] = zeros() ${TRIVIAL} }`, 'E0217'],
    [
      'products of dynamic dimensions',
      `model M { entry run(x: [A, B, C, D]) -> (y: [A]) { ${times('let s = A + B + C + D + 1\n', 1)}${times('let s = s * s\n', 12)} reshape(x, [s]) } }`,
      'E0202',
    ],
    ['a pattern of brackets', entry(`rearrange(x, "${times('(', 100_000)}")`), 'E0306'],
    [
      'a pattern of 20,000 axes',
      entry(`rearrange(x, "${lines(20_000, (i) => `a${i}`).replaceAll('\n', ' ')} -> b")`),
      'E0306',
    ],
    [
      'a path pattern of stars',
      `module L() { param ${times('a', 3000)}: [1] = zeros() forward(x: [B]) { x } }\nmodel M { l = L() ${TRIVIAL} }\nstage s { train l.${times('a*', 1000)}b }`,
      'E0403',
    ],
    ['imports that import', 'import { b } from "./f0.mdl"\nmodel M {}', 'E0104'],
    [
      'configs that extend',
      `config c0 { a = 1 }\n${lines(2000, (i) => `config c${i + 1} extends c${i} { b = ${i} }`)}\nmodel M { ${TRIVIAL} }`,
      'E0220',
    ],
  ])('%s', (_, text, code) => {
    const chain = Object.fromEntries(
      Array.from({ length: 2000 }, (__, i) => [
        `f${i}.mdl`,
        `import { b } from "./f${i + 1}.mdl"\nfn b${i}(x) { x }\n`,
      ]),
    );
    expect(codes({ ...chain, 'main.mdl': text })).toContain(code);
  });

  it('settings that nest without end', () => {
    const set = [
      { name: `${times('a.', 50_000)}b`, text: '1' },
      { name: 'a', text: times('[', 10_000) + times(']', 10_000) },
      { name: 'a', text: `${times('{"a":', 5_000)}1${times('}', 5_000)}` },
      { name: '', text: '' },
      { name: '.', text: '1' },
    ];
    expect(codes(`config c { a = 1 } model M { ${TRIVIAL} }`, { set })).toEqual(['E0223', 'E0253', 'E0220']);
  });
});

describe('names that JavaScript knows', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];

  it.each(NAMES)('%s names everything', (n) => {
    const main = `import { ${n} as on } from "./flags.mdl"
config ${n} { ${n} { ${n} = 8 } }
module Sub(${n}) {
  let y = ${n}
  param w: [${n}] = zeros()
  forward(${n}: [B, y]) -> [B, y] { let t = ${n} * w when on else ${n}  t }
}
model M {
  sub = Sub(${n}.${n})
  list = [Sub(8) for ${n} in range(2)]
  entry ${n}(${n}: [B, 8]) -> (out: [B, 8]) { let constructor = sub(${n})  constructor }
}
stage ${n} { train sub.w  set ${n} = true }
`;
    const files = { 'main.mdl': main, 'flags.mdl': `flag ${n} = true\n` };
    expect(
      codes(files, {
        set: [
          { name: n, text: 'false' },
          { name: `${n}.${n}`, text: '8' },
        ],
        config: n,
        taps: ['sub'],
      }),
    ).toEqual([]);
  });

  it.each(NAMES)('%s is unknown everywhere', (n) => {
    const main = `model M {
  let a = ${n}
  entry run(x: [B]) -> (y: [B]) { x.${n} + ${n}(x) + gelu(${n} = x) + rearrange(x, "${n} -> ${n}", b = 3) }
}
stage s { optimize ${n}()  schedule constant(${n} = 1)  ${n} 1 }
`;
    const values = JSON.parse(`{ "${n}": { "${n}": 1 } }`) as { [name: string]: unknown };
    const found = codes(main, {
      set: [
        { name: n, text: '1' },
        { name: `${n}.x`, text: '{"__proto__": 3}' },
      ],
      values,
      config: n,
      entry: n,
      taps: [n],
    });
    for (const code of ['E0105', 'E0220', 'E0221', 'E0407', 'E0501']) expect(found).toContain(code);
  });

  it.each(NAMES)('%s is imported', (n) => {
    expect(
      codes(`import { ${n} } from "${n}"\nimport { ${n} as a } from "./${n}.mdl"\nimport { b } from "./../${n}.mdl"`),
    ).toEqual(['E0102', 'E0006', 'E0101']);
  });
});

describe('characters', () => {
  it('a byte order mark and either line end are blanks', () => {
    const text = `model M {\n  entry run(x: [B]) -> (y: [B]) {\n    let y = x\n    y\n  }\n}\n`;
    for (const variant of [text, `\uFEFF${text}`, text.replaceAll('\n', '\r\n'), text.replaceAll('\n', '\r')])
      expect(codes(variant)).toEqual([]);
  });

  it('lines and columns are the same for every line end', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const [only] = diagnose(`model M {${end}  entry run(x: [B]) -> (y: [B]) {${end}    z${end}  }${end}}${end}`);
      expect(renderDiagnostics([only!])).toContain('main.mdl:3:5');
    }
  });

  it('lone surrogates and control characters are reported and never printed raw', () => {
    const diagnostics = diagnose(`model \ud800 { \udc00 = 1 \u001b[31m \u202e }\nmodel M { let a = "\ud800" }`);
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toContain('E0003');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(renderDiagnostics(diagnostics)).not.toMatch(/[\u001b\u202e\ud800-\udfff]/);
  });
});
