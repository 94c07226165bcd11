/** Names are checked in every file, also where nothing is instantiated, and never where they are right. */
import { describe, expect, it } from 'vitest';
import { checkNames } from '../../src/compiler/check/names.ts';
import { loadProgram, type SourceHost } from '../../src/compiler/check/program.ts';
import { DiagnosticBag } from '../../src/compiler/diagnostics/diagnostic.ts';
import { BUILTINS } from '../../src/compiler/elaborate/builtins/index.ts';
import { diagnose, summary } from '../diagnostics/support.ts';
import { memory, repository } from '../support/project.ts';

function check(files: string | Readonly<Record<string, string>>): string {
  return checkAt('main.mdl', memory(typeof files === 'string' ? { 'main.mdl': files } : files));
}

function checkAt(path: string, host: SourceHost): string {
  const bag = new DiagnosticBag();
  const program = loadProgram(path, host, bag);
  expect(summary(bag.sorted())).toBe('');
  checkNames(program!, new Set(BUILTINS.keys()), bag);
  return summary(bag.sorted());
}

describe('programs that are right', () => {
  it.each(['tinygpt-v', 'eva-vit', 'q-former', 'phi-2'])('models/%s.mdl', (name) =>
    expect(checkAt(`models/${name}.mdl`, repository)).toBe(''),
  );

  it('the standard library, as a file of one’s own', () => {
    expect(check(repository.read('src/compiler/std/std.mdl')!)).toBe('');
  });

  it('locals, members, arguments, lets, functions, config values, flags, dimensions and builtins are in sight', () => {
    expect(
      check(`import { Linear as L, LoRA } from "std"
flag on = true
config base { width = 8, half = width / 2, inner { a = half, b = a } }
module Block(d, wide = 2 * d) {
  let twice = wide + d
  fc = L(d, twice)
  param scale: [twice] = ones()
  fn scaled(x) { x * scale }
  forward(x: [B, T + 1, d], y: int[B] = none) -> [B, T + 1, NEW] {
    let a, b = [T, B + T]
    for i, pair in [[1, 2], [a, b]] { if on { x = x + float(i) } else { x = x - 1 } }
    let z = [x for _ in range(3) if on]
    z[0] |> fc |> scaled
  }
}
model M {
  blocks = [Block(width) for i in range(inner.b)]
  entry run(x: [N, S, width]) -> (y: [N, S, half]) { blocks[0](x)[:, :, 0:half] }
}
adapt blocks[*].fc with LoRA(r = inner.a, alpha = width) when on
stage one { train ** set on = false optimize adamw(eps = 1e-8) batch width }
`),
    ).toBe('');
  });

  it('a capital in a signature may be a module, a dimension of the result, or one of a nested sum', () => {
    expect(check('module A(D) { forward(x: [N, D, H * 2 - W]) -> [N, D, P] { reshape(x, [N, D, H]) } }')).toBe('');
  });

  it('an adapter sees what it adapts', () => {
    expect(
      check(`module Lin(a, b) { let c = a param w: [b, c] = ones() forward(x: [..., a]) { linear(x, w) } }
adapter Ad(r) on Lin {
  param u: [r, a, b, c] = ones()
  forward(x: [..., a]) { w = w  base(x) + sum(u) }
  merge w = w * float(c)
}`),
    ).toBe('');
  });
});

describe('unknown names', () => {
  it('are found in modules nobody instantiates and in branches not taken', () => {
    expect(
      check(`module Never(d) {
  let a = missing_a
  fc = Missing(d) when missing_flag
  param w: [missing_b] = missing_init(d)
  forward(x: [B, missing_c], y = missing_d) -> [B, missing_e] {
    if false { missing_f } else { x[missing_g:missing_h] }
    [missing_i for i in missing_j if missing_k] |> missing_l(missing_m)
  }
}
fn f(x) { -missing_n when not missing_o else (missing_p + 1).member }
`)
        .split('\n')
        .filter((line) => line.startsWith('E0105'))
        .map((line) => line.split(' ')[2]),
    ).toEqual(
      ['a', 'Missing', 'flag', 'b', 'init', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p'].map(
        (name) => (name === 'Missing' ? name : `missing_${name}`),
      ),
    );
  });

  it('are found in configs, adapts and stages', () => {
    expect(
      check(`config base { a = b, r { c = d } }
config other extends bsae { a = 1 }
adapt x with NoAdapter(r = e) when f
stage s { train x  set y = g  batch h  schedule constant(lr = i) }
`)
        .split('\n')
        .filter((line) => line.startsWith('E'))
        .map((line) => line.split(' ').slice(0, 2).join(' ')),
    ).toEqual([
      'E0105 1:19',
      'E0105 1:30',
      'E0221 2:22',
      'E0105 3:14',
      'E0105 3:28',
      'E0105 3:36',
      'E0105 4:28',
      'E0105 4:37',
      'E0105 4:63',
    ]);
  });

  it('of a config record are found where the record is used', () => {
    expect(check('config base { phi { width = 8 } }\nmodel M { let a = phi.widht }')).toBe(
      'E0207 2:23 the config record phi has no widht\n  help: did you mean `width`? [2:23 "width"]',
    );
  });

  it('of a config are not in sight of a module', () => {
    expect(check('config base { width = 8 }\nmodule A() { let a = width }')).toContain(
      'E0105 2:22 width is not declared here',
    );
  });

  it('name the import that is missing', () => {
    expect(check('model M { fc = Linear(8, 8) }')).toBe(
      'E0105 1:16 Linear is not declared here\n  help: import Linear from "std" [1:1 "import { Linear } from \\"std\\"\\n"]',
    );
    expect(
      check({
        'main.mdl': 'import { a } from "./a.mdl"\nmodel M { let c = a(1) d = Block() }',
        'a.mdl': 'fn a(x) { x }\nmodule Block() {}',
      }),
    ).toBe('E0105 2:28 Block is not declared here\n  note: a.mdl declares it; add it to an import');
  });

  it('name the member further down', () => {
    expect(check('module A() { a = B(w)  let w = 3 }\nmodule B(x) {}')).toBe(
      'E0105 1:20 w is not declared here\n  @ 1:28 it is declared here, further down\n  note: members are made in order: move it above the member that needs it',
    );
  });

  it('of types are no f32', () => {
    expect(check('fn f(x: itn[B], y: flot) { x }')).toContain('E0105 1:9 itn is not declared here');
  });

  it('are reported once by check and elaboration together', () => {
    const all = diagnose(
      'model M { let a = b  entry run(x: [B, c]) -> (y: [B]) { d  e = x  e } }\nadapt x with F() when g',
    );
    const places = all.map((d) => `${d.code} ${d.primary.span.start}`);
    expect(new Set(places).size).toBe(places.length);
    expect(all.map((d) => d.message.split(' ')[0])).toEqual(['b', 'c', 'd', 'e', 'F', 'g']);
    for (const { notes } of all) expect(notes.filter((note) => note.startsWith('and in'))).toEqual([]);
  });
});

describe('assignments', () => {
  it('need a name of the body', () => {
    expect(check('module A(d) { forward(x: [B]) { y = x  d = 3  x = y  for i in [1] { x = i  i = x } x } }')).toBe(
      [
        'E0105 1:33 y is not declared here',
        '  note: a new name is declared with `let y = …`',
        '  help: declare it [1:33 "let "]',
        'E0105 1:40 d is not declared here',
        '  note: d belongs to the module and does not change; take a new name: `let d_2 = …`',
      ].join('\n'),
    );
  });
});

describe('members', () => {
  it('of one name are reported where the second stands', () => {
    expect(
      check(`module A(d, d) {
  param w: [d] = ones()
  let w = 3
  w = B()
  fn d() { 1 }
  forward(x, x) { let a, a = [1, 2] a }
  forward(y) { y }
}
module B() {}
`)
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual([
      'E0106 1:13 d is declared twice',
      '@ 1:10 first declared here',
      'E0106 3:7 w is declared twice',
      '@ 2:9 first declared here',
      'E0106 4:3 w is declared twice',
      '@ 2:9 first declared here',
      'E0106 5:6 d is declared twice',
      '@ 1:10 first declared here',
      'E0106 6:14 x is declared twice',
      '@ 6:11 first declared here',
      'E0106 6:26 a is declared twice',
      '@ 6:23 first declared here',
      'E0106 7:3 forward is declared twice',
      '@ 6:3 first declared here',
    ]);
  });

  it('belong in a model, a module or an adapter', () => {
    expect(check('module A() { entry run(x: [B]) -> (y: [B]) { x }  merge w = 1 }\nmodel M { merge w = 2 }')).toBe(
      [
        'E0409 1:20 the entry run does not belong in a module',
        '  note: entries are the graphs of a model; a module has a `forward`',
        'E0409 1:57 merge w does not belong in a module',
        '  note: `merge` says how an adapter folds into what it adapts',
        'E0409 2:17 merge w does not belong in a model',
        '  note: `merge` says how an adapter folds into what it adapts',
      ].join('\n'),
    );
  });

  it('that an adapter merges are params of what it adapts', () => {
    expect(check('module L() { param weight: [1] = ones() }\nadapter A() on L { merge wieght = weight }')).toBe(
      'E0207 2:26 L has no wieght\n  help: did you mean `weight`? [2:26 "weight"]',
    );
  });
});

describe('imports', () => {
  it('that nothing uses are warned of', () => {
    expect(
      check(
        'import { Linear, LayerNorm as Norm, LoRA, gone } from "./a.mdl"\nadapt x with LoRA()\nmodel M { LayerNorm = Linear() }'
          .replace(', gone', '')
          .replace('./a.mdl', 'std'),
      ),
    ).toBe('W0101 1:31 Norm is imported and never used');
  });

  it('of flags are used by configs and stages', () => {
    const files = {
      'main.mdl': 'import { a, b } from "./f.mdl"\nconfig c { a = false }\nstage s { train x set b = true }',
      'f.mdl': 'flag a = true\nflag b = true',
    };
    expect(check(files)).toBe('');
  });
});

describe('modules that contain themselves', () => {
  it('are found without an instance, once for each circle', () => {
    expect(check('module A() { b = [1, B()] }\nmodule B() { c = C() when true }\nmodule C() { a = A() }')).toBe(
      'E0215 3:18 A contains itself\n  note: the circle is A → B → C → A\n  note: for a stack of layers write a list: `layers = [Layer(d) for i in range(n)]`',
    );
  });

  it('are none where a loop or a condition may end it', () => {
    expect(
      check('module A(n) { b = [A(n - 1) for i in range(n)]  c = A(n - 1) when n > 0 else B() }\nmodule B() {}'),
    ).toBe('');
  });
});
