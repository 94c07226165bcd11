/** What programs without types pass to compile, graphsOf and the targets: each mistake has a code and says what is expected. */
import { describe, expect, it } from 'vitest';
import { compile, DiagnosticError, graphsOf, TARGETS } from '../../src/compiler/index.ts';
import { memory } from '../support/project.ts';

const SOURCE = 'config base { width = 2 }\nmodel M { entry run(x: [B, width]) -> (y: [B, width]) { x + 1.0 } }';
const host = memory({ 'm.mdl': SOURCE });
const model = compile('m.mdl', host).model!;
const graphs = graphsOf(model)!;

type Loose = (...given: unknown[]) => ReturnType<typeof compile>;
const compileLoosely = compile as unknown as Loose;

/** `E0254 message` of all that is found. */
const found = (...given: unknown[]): string[] =>
  compileLoosely(...given)
    .diagnostics()
    .map(({ code, message }) => `${code} ${message}`);

/** The same of what is thrown. */
function thrown(work: (...given: never[]) => unknown, ...given: readonly unknown[]): string[] {
  try {
    (work as (...loose: unknown[]) => unknown)(...given);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.map(({ code, message }) => `${code} ${message}`);
  }
  return [];
}

describe('compile', () => {
  it.each([
    [[], 'E0254 compile was given nothing as the path, and a string was expected'],
    [[5, host], 'E0254 compile was given 5 as the path, and a string was expected'],
    [['m.mdl'], 'E0254 compile was given nothing as the host, and an object with a function read was expected'],
    [['m.mdl', null], 'E0254 compile was given null as the host, and an object with a function read was expected'],
    [
      ['m.mdl', () => SOURCE],
      'E0254 compile was given a function as the host, and an object with a function read was expected',
    ],
    [['m.mdl', host, null], 'E0254 compile was given null as its options, and an object was expected'],
    [['m.mdl', host, 'base'], 'E0254 compile was given "base" as its options, and an object was expected'],
    [['m.mdl', host, ['base']], 'E0254 compile was given an Array as its options, and an object was expected'],
    [['m.mdl', host, { config: 5 }], 'E0254 compile was given 5 as the option config, and a string was expected'],
    [['m.mdl', host, { config: null }], 'E0254 compile was given null as the option config, and a string was expected'],
    [
      ['m.mdl', host, { set: 'width=3' }],
      'E0254 compile was given "width=3" as the option set, and a list was expected',
    ],
    [
      ['m.mdl', host, { set: { width: 3 } }],
      'E0254 compile was given an object as the option set, and a list was expected',
    ],
    [['m.mdl', host, { values: 5 }], 'E0254 compile was given 5 as the option values, and an object was expected'],
    [
      ['m.mdl', host, { quantise: 'int8' }],
      'E0254 compile was given "int8" as the option quantise, and a list of strings was expected',
    ],
    [
      ['m.mdl', host, { mergeAdapters: 1 }],
      'E0254 compile was given 1 as the option mergeAdapters, and true or false was expected',
    ],
    [['m.mdl', host, { confg: 'base' }], 'E0255 compile has no option confg'],
  ] as const)('%j', (given, message) => {
    expect(found(...given)).toEqual([message]);
  });

  it('takes undefined options as absent ones', () => {
    expect(found('m.mdl', host, { config: undefined, set: undefined })).toEqual([]);
  });

  it('suggests the option that was meant', () => {
    const [diagnostic] = compileLoosely('m.mdl', host, { confg: 'base' }).diagnostics();
    expect(diagnostic!.notes).toEqual(['did you mean `config`?']);
  });
});

describe('a host that reads no text', () => {
  it.each([
    [null, 'null'],
    [5, '5'],
    [Buffer.from(SOURCE), 'a Buffer'],
    [Promise.resolve(SOURCE), 'a Promise'],
  ])('of the file itself: %s', (text, kind) => {
    expect(found('m.mdl', { read: () => text })).toEqual([
      `E0254 the compiler was given ${kind} as the text of m.mdl, and a string (or undefined where there is no file) was expected`,
    ]);
  });

  it('of an import, at its place', () => {
    const importing = `import { A } from "./a.mdl"\n${SOURCE}`;
    const read = (path: string) => (path === 'm.mdl' ? importing : Promise.resolve(''));
    const [diagnostic, ...more] = compileLoosely('m.mdl', { read }).diagnostics();
    expect(more.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect([diagnostic!.code, diagnostic!.primary.span.start]).toEqual(['E0254', importing.indexOf('"./a.mdl"')]);
  });
});

describe('graphsOf', () => {
  const MODEL = 'and a model (the `model` of what compile gives) was expected';
  it.each([
    [[], `E0254 graphsOf was given nothing as the model, ${MODEL}`],
    [[compile('m.mdl', host)], `E0254 graphsOf was given an object as the model, ${MODEL}`],
    [[model, null], 'E0254 graphsOf was given null as its options, and an object was expected'],
    [[model, 'run'], 'E0254 graphsOf was given "run" as its options, and an object was expected'],
    [
      [model, { entries: 'run' }],
      'E0254 graphsOf was given "run" as the option entries, and a list of strings was expected',
    ],
    [
      [model, { entries: [5] }],
      'E0254 graphsOf was given an Array as the option entries, and a list of strings was expected',
    ],
    [[model, { stage: 's' }], 'E0254 graphsOf was given "s" as the option stage, and an object was expected'],
    [
      [model, { adapters: 'x' }],
      'E0254 graphsOf was given "x" as the option adapters, and weights or inputs was expected',
    ],
    [
      [model, { quantise: 'int3' }],
      'E0254 graphsOf was given "int3" as the option quantise, and int8 or int4 was expected',
    ],
    [[model, { entry: ['run'] }], 'E0255 graphsOf has no option entry'],
  ])('%#', (given, message) => {
    expect(thrown(graphsOf, ...given)).toEqual([message]);
  });
});

describe('targets', () => {
  const { onnx, webgpu, reference, pytorch } = TARGETS;
  const GRAPHS = 'and what graphsOf gives (undefined where an entry has errors) was expected';
  it.each([
    [onnx, [], `E0254 onnx.compile was given nothing as the graphs, ${GRAPHS}`],
    [pytorch, [undefined], `E0254 pytorch.compile was given nothing as the graphs, ${GRAPHS}`],
    [onnx, [model], `E0254 onnx.compile was given a Model as the graphs, ${GRAPHS}`],
    [webgpu, [graphs, null], 'E0254 webgpu.compile was given null as its options, and an object was expected'],
    [onnx, [graphs, { opset: 99 }], 'E0254 onnx.compile was given 99 as the option opset, and 17 or 23 was expected'],
    [
      onnx,
      [graphs, { opset: '17' }],
      'E0254 onnx.compile was given "17" as the option opset, and 17 or 23 was expected',
    ],
    [onnx, [graphs, { optset: 17 }], 'E0255 onnx.compile has no option optset'],
    [webgpu, [graphs, { opset: 17 }], 'E0255 webgpu.compile has no option opset'],
    [
      webgpu,
      [graphs, { weights: 'f8' }],
      'E0254 webgpu.compile was given "f8" as the option weights, and f32, f16 or a Map of stored weights was expected',
    ],
    [
      webgpu,
      [graphs, { shardBytes: 0 }],
      'E0254 webgpu.compile was given 0 as the option shardBytes, and a number of bytes above 0 was expected',
    ],
    [reference, [graphs, { weights: 'f16' }], 'E0255 reference.compile has no option weights'],
  ])('%#', (target, given, message) => {
    expect(thrown(target.compile, ...given)).toEqual([message]);
  });
});
