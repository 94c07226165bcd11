/** Statements and modules as data: what is named, where it is declared, and what is printed. */
import { describe, expect, it } from 'vitest';
import { Block, functionOfBlock } from '../../../src/compiler/backends/wgsl/text/block.ts';
import { KernelCode } from '../../../src/compiler/backends/wgsl/text/code.ts';
import {
  binary,
  call,
  type Expression,
  element,
  literal,
  variable,
} from '../../../src/compiler/backends/wgsl/text/expression.ts';
import { library, libraryName } from '../../../src/compiler/backends/wgsl/text/library.ts';
import { code, indent, joined, Name, wgsl } from '../../../src/compiler/backends/wgsl/text/wgsl.ts';

const text = (piece: Parameters<typeof code>[0]): string => code(piece).print(({ hint }) => hint);
const [x, y] = [new Name('x'), new Name('y')];
const u32 = (number: number): Expression => literal('u32', number);
const named = (name: Name): Expression => variable(name, 'u32');
const times = (of: Expression, by: number): Expression => binary('*', of, u32(by));

describe('a piece of text', () => {
  it('knows the names in it, also of the pieces in it', () => {
    const sum = wgsl`${x} + ${wgsl`2 * ${y}`}`;
    expect(sum.names).toEqual([x, y]);
    expect(text(sum)).toBe('x + 2 * y');
  });

  it('prints names as it is told, and takes others in their place', () => {
    const sum = joined([x, 'x', y], ' + ');
    expect(sum.print((name) => (name === x ? 'first' : name.hint))).toBe('first + x + y');
    expect(text(sum.renamed(new Map([[x, new Name('other')]])))).toBe('other + x + y');
  });

  it('is moved to the right line by line, and loses lines that are blank', () => {
    expect(text(indent(wgsl`a(${x});\n\n  b(${y});`, 2))).toBe('    a(x);\n      b(y);');
  });
});

describe('a block', () => {
  it('names equal expressions once, and short ones not at all', () => {
    const block = new Block(new KernelCode());
    const [first, second] = [block.name(times(named(x), 2)), block.name(times(named(x), 2))];
    expect(second).toBe(first);
    expect(text(block.name(element(y, u32(3), 'u32')))).toBe('y[3u]');
    block.assign(element(y, first, 'u32'), first);
    expect(text(block.print(''))).toBe('let i0 = x * 2u;\ny[i0] = i0;');
  });

  it('puts a let into the outermost block that has what it reads, before the loop', () => {
    const block = new Block(new KernelCode());
    const inner = block.inner();
    const counter = new Name('c');
    inner.declare(counter);
    const apart = inner.name(binary('/', named(x), u32(4)));
    const own = inner.name(binary('+', named(counter), apart));
    inner.assign(element(y, named(counter), 'u32'), own);
    block.loop({ counter, from: u32(0), below: u32(8), step: u32(1) }, inner);
    expect(text(block.print(''))).toBe(`let i0 = x / 4u;
for (var c = 0u; c < 8u; c++) {
  y[c] = c + i0;
}`);
  });

  it('leaves out a let that nothing reads, and what only that one reads', () => {
    const block = new Block(new KernelCode());
    const first = block.name(times(named(x), 2));
    block.name(times(first, 3));
    const kept = block.name(times(named(y), 5));
    expect(text(block.print('', kept))).toBe('let i2 = y * 5u;');
    // a function of WGSL is no name
    expect(text(block.print('', call('i0', [], 'u32')))).toBe('');
  });
});

describe('a name that is read once', () => {
  const load = (at: number) => element(x, u32(at), 'u32');
  const [sum, scaled] = [(of: Expression) => binary('+', of, u32(1)), (of: Expression) => times(of, 2)];
  const printed = (write: (block: Block) => void): string => {
    const block = new Block(new KernelCode());
    write(block);
    return text(block.print(''));
  };

  it('gives its expression to what reads it', () => {
    const chained = (block: Block) => block.assign(load(0), block.name(scaled(block.name(sum(load(1))))));
    expect(printed(chained)).toBe('x[0u] = (x[1u] + 1u) * 2u;');
    const tested = (block: Block) => {
      const body = block.inner();
      body.assign(load(0), u32(1));
      block.when(binary('<', block.name(sum(load(1))), u32(4)), body);
    };
    expect(printed(tested)).toBe('if (x[1u] + 1u < 4u) {\n  x[0u] = 1u;\n}');
  });

  it('stays where something is written in between', () => {
    const written = (block: Block) => {
      const before = block.name(sum(load(0)));
      block.assign(load(0), u32(7));
      block.assign(load(1), before);
    };
    expect(printed(written)).toBe('let i0 = x[0u] + 1u;\nx[0u] = 7u;\nx[1u] = i0;');
  });

  it('stays before a loop whose body or end reads it, and is computed once', () => {
    const looped = (block: Block) => {
      const [inside, end] = [block.name(sum(load(1))), block.name(scaled(load(2)))];
      const body = block.inner();
      body.declare(new Name('c'));
      body.assign(load(0), inside, '+=');
      block.loop({ counter: new Name('c'), from: u32(0), below: end, step: u32(1) }, body);
    };
    expect(printed(looped)).toBe(
      'let i0 = x[1u] + 1u;\nlet i1 = x[2u] * 2u;\nfor (var c = 0u; c < i1; c++) {\n  x[0u] += i0;\n}',
    );
  });

  it('stays where a function of the module is called, which may have barriers, and not for one of the library', () => {
    const calling = (of: (block: Block) => Expression) => printed((block) => block.assign(load(0), sum(of(block))));
    const own = new Name('share');
    expect(calling((block) => block.name(call(own, [load(1)], 'u32')))).toBe(
      'let i0 = share(x[1u]);\nx[0u] = i0 + 1u;',
    );
    expect(calling((block) => block.name(library('cube_mod', [load(1)])))).toBe('x[0u] = cube_mod(x[1u]) + 1u;');
  });

  it('stays where a line would be too long', () => {
    const long = (block: Block) => {
      let value = load(0);
      for (let step = 0; step < 12; step++) value = block.name(sum(scaled(value)));
      block.assign(load(1), value);
    };
    const lines = printed(long).split('\n');
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThan(6);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(120);
  });
});

describe('a module', () => {
  const moduleOf = (code: KernelCode, main = wgsl`fn main() {}`) =>
    code.module(main).print((buffer) => `path.${buffer}`);

  it('has the functions that main reaches, and no others', () => {
    const kernel = new KernelCode();
    const [used, helper, unused] = ['used', 'helper', 'unused'].map((hint) => new Name(hint)) as [Name, Name, Name];
    kernel.define({ name: helper, text: wgsl`fn ${helper}() -> f32 { return ${libraryName('cube_mod')}(1u); }` });
    kernel.define({ name: used, text: wgsl`fn ${used}() -> f32 { return ${helper}(); }` });
    kernel.define({ name: unused, text: wgsl`fn ${unused}() -> f32 { return ${libraryName('erf_of')}(1.0); }` });
    const printed = moduleOf(kernel, wgsl`fn main() { let a = ${used}(); }`);
    for (const name of ['used', 'helper', 'cube_mod', 'multiply_mod', 'reduce_mod'])
      expect(printed).toContain(`fn ${name}(`);
    for (const name of ['unused', 'erf_of']) expect(printed).not.toContain(`fn ${name}(`);
  });

  it('calls no buffer what a name in it is called', () => {
    const kernel = new KernelCode();
    const { name } = kernel.binding(0, 'f32', 'read');
    const taken = new Name('some_path');
    kernel.define({ name: taken, text: wgsl`fn ${taken}() -> f32 { return ${name}[0]; }` });
    const printed = kernel.module(wgsl`fn main() { let a = ${taken}(); }`).print(() => 'some.path');
    expect(printed).toContain('var<storage, read> some_path_b: array<f32>;');
    expect(printed).toContain('fn some_path() -> f32 { return some_path_b[0]; }');
  });

  it('has one key under any names of its buffers', () => {
    const kernel = new KernelCode();
    const { name } = kernel.binding(0, 'f32', 'read_write');
    const made = kernel.module(wgsl`fn main() { ${name}[0] = 1.0; }`);
    expect(made.print(() => 'a.b')).not.toBe(made.print(() => 'c.d'));
    expect(made.key).toContain('@0[0] = 1.0;');
  });

  it('prints a function of a block with what it gives', () => {
    const body = new Block(new KernelCode());
    const argument = new Name('i');
    body.declare(argument);
    const value = body.name(times(named(argument), 2));
    expect(text(functionOfBlock(new Name('twice'), [['i', 'u32']], body, { type: 'u32', value }).text)).toBe(
      'fn twice(i: u32) -> u32 {\n  return i * 2u;\n}',
    );
  });
});
