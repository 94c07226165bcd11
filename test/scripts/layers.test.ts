/** The direction of imports: planted violations and cycles are found, and the project itself has none. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkLayers, formatViolation, importsOf } from '../../scripts/layers.ts';
import { folderWith } from '../support/folder.ts';

const rulesBroken = (files: Readonly<Record<string, string>>): string[] =>
  checkLayers(folderWith(files)).map(({ file, imported, rule }) => `${file} → ${imported}: ${rule}`);

describe('layers', () => {
  it('accepts the direction of the design', () => {
    const files = {
      'src/shared/dim.ts': '',
      'src/compiler/ops/spec.ts': "import { d } from '../../shared/dim.ts';",
      'src/compiler/ir/graph.ts': "import { OPS } from '../ops/spec.ts';",
      'src/compiler/passes/cse.ts': "import { g } from '../ir/graph.ts';",
      'src/compiler/backends/onnx/index.ts': "import { g } from '../../ir/graph.ts';",
      'src/compiler/cli/main.ts': "import fs from 'node:fs';\nconst r = await import('../../runtime/index.ts');",
      'src/runtime/index.ts': "import 'node:fs';\nimport { d } from '../shared/dim.ts';",
      'src/runtime/model.node.ts': "import { open } from 'node:fs/promises';",
    };
    expect(rulesBroken(files)).toEqual([]);
  });

  it.each([
    ['src/shared/a.ts', '../compiler/ir/graph.ts', 'shared imports nothing outside itself, and never ir'],
    ['src/runtime/a.ts', '../compiler/ir/graph.ts', 'runtime imports only shared, and never ir'],
    ['src/compiler/ir/a.ts', '../passes/cse.ts', 'ir imports only shared, ops, diagnostics, and never passes'],
    [
      'src/compiler/backends/onnx/a.ts',
      '../wgsl/b.ts',
      'backend onnx imports only shared, diagnostics, ops, ir, and never backend wgsl',
    ],
    [
      'src/compiler/backends/onnx/a.ts',
      '../../passes/cse.ts',
      'backend onnx imports only shared, diagnostics, ops, ir, and never passes',
    ],
    ['src/compiler/ops/a.ts', '../ir/graph.ts', 'ops imports only shared, and never ir'],
    [
      'src/compiler/targets/a.ts',
      '../../runtime/index.ts',
      'targets imports only types of runtime (write `import type`)',
    ],
    ['src/compiler/diagnostics/a.ts', '../syntax/ast.ts', 'diagnostics imports only shared, and never syntax'],
    ['src/compiler/index.ts', './cli/main.ts', /^compiler imports only .*, and never cli$/],
    ['src/compiler/check/a.ts', '../../../scripts/build.ts', 'check imports nothing outside grammar and src'],
    ['src/runtime/a.ts', '../recipes/vision-language/ask.ts', 'runtime imports only shared, and never vision-language'],
    [
      'src/compiler/workbench/a.ts',
      '../../recipes/vision-language/paper.ts',
      /^workbench imports only .*, and never vision-language$/,
    ],
    [
      'src/compiler/cli/a.ts',
      '../../recipes/vision-language/paper.ts',
      /^cli imports only .*, and never vision-language$/,
    ],
    ['src/compiler/passes/a.ts', 'node:fs', /^only src\/compiler\/cli, .* import node: modules$/],
    ['grammar/parser.ts', 'node:path', /^only src\/compiler\/cli, .* import node: modules$/],
  ])('%s may not import %s', (file, imported, rule) => {
    const violations = checkLayers(folderWith({ [file]: `// first line\nimport { x } from '${imported}';\n` }));
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatchObject({ file, line: 2, imported });
    expect(violations[0]?.rule).toMatch(rule);
    expect(violations[0]?.why).not.toBe('');
  });

  it('finds imports in every form', () => {
    const text = [
      "import a from './a.ts';",
      "import type { B } from './b.ts';",
      "import { type C, type D } from './c.ts';",
      "import { type E, f } from './e.ts';",
      "import {\n  g,\n  h,\n} from './g.ts';",
      "export * from './i.ts';",
      "export type { J } from './j.ts';",
      "import './k.ts';",
      "const l = await import('./l.ts');",
      "type M = import('./m.ts').M;",
      "// import { no } from './comment.ts';",
      "/* import { no } from './comment.ts'; */",
      "export const text = 'not from here';",
    ].join('\n');
    expect(importsOf(text).map((i) => [i.specifier, i.typeOnly, i.dynamic])).toEqual([
      ['./a.ts', false, false],
      ['./b.ts', true, false],
      ['./c.ts', true, false],
      ['./e.ts', false, false],
      ['./g.ts', false, false],
      ['./i.ts', false, false],
      ['./j.ts', true, false],
      ['./k.ts', false, false],
      ['./l.ts', false, true],
      ['./m.ts', true, true],
    ]);
  });
});

describe('cycles', () => {
  it('finds one and names its way', () => {
    const violations = checkLayers(
      folderWith({
        'src/compiler/ir/a.ts': "import { b } from './b.ts';",
        'src/compiler/ir/b.ts': "import { c } from './c.ts';",
        'src/compiler/ir/c.ts': "export { a } from './a.ts';",
        'src/compiler/ir/d.ts': "import { a } from './a.ts';",
      }),
    );
    expect(violations).toHaveLength(1);
    expect(formatViolation(violations[0]!)).toBe(
      'src/compiler/ir/a.ts:1 imports src/compiler/ir/b.ts → src/compiler/ir/c.ts → src/compiler/ir/a.ts\n' +
        '    no modules import each other in a circle, nor types of each other: ' +
        'none of them could be read, tested or moved without the others',
    );
  });

  it('lets dynamic imports go round, and types not', () => {
    const b = "import { b } from './b.ts';";
    const later = "const later = async () => (await import('./a.ts')).a;";
    expect(rulesBroken({ 'src/shared/a.ts': b, 'src/shared/b.ts': later })).toEqual([]);
    for (const types of ["import type { A } from './a.ts';", "export const a: import('./a.ts').A = 1;"]) {
      expect(rulesBroken({ 'src/shared/a.ts': b, 'src/shared/b.ts': types })).toHaveLength(1);
    }
  });

  it('finds a module that imports itself', () => {
    expect(rulesBroken({ 'src/shared/a.ts': "import { b } from './a.ts';" })).toHaveLength(1);
  });
});

it('the project keeps its own rules', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  expect(checkLayers(root).map(formatViolation)).toEqual([]);
});
