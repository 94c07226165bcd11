/** What an editor is told about a program of two files, through the protocol. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CodeAction,
  type CompletionItem,
  CompletionItemKind,
  type Hover,
  type InlayHint,
  type Location,
  type WorkspaceEdit,
} from 'vscode-languageserver';
import { type Client, connect, positionIn, uriOf } from './client.ts';

const BLOCK = `import { LayerNorm, Linear } from "std"

/// LayerNorm before the activation
flag norm_on = true

/// One layer.
module Block(width, c) {
  fc   = Linear(width, c.hidden)
  back = Linear(c.hidden, width)
  norm = LayerNorm(c.hidden) when norm_on

  forward(x: [B, T, width]) -> [B, T, width] {
    let h = x |> fc |> norm
    x + (gelu(h) |> back)
  }
}
`;
const MODEL = `import { LayerNorm } from "std"
import { Block as Layer } from "./block.mdl"

config base { width = 8, mlp { hidden = 32 } }
config wide extends base { mlp { hidden = 64 } }

model Net {
  layers = [Layer(width, mlp) for i in range(2)]
  last   = LayerNorm(width)

  entry run(x: [B, T, width]) -> (y: [B, T, width]) {
    let h = x
    for layer in layers { h = layer(h) }
    last(h)
  }
}

stage all {
  train layers[*].fc, last
}
`;
const FILES = { 'net.mdl': MODEL, 'block.mdl': BLOCK };

async function started(options: unknown = {}): Promise<Client> {
  const { client } = connect(FILES);
  await client.initialize(options);
  for (const [path, text] of Object.entries(FILES)) await client.open(path, text);
  return client;
}

let client: Client;
beforeAll(async () => {
  client = await started();
});
afterAll(() => client.stop());

const hovered = async (path: string, at: string): Promise<string> => {
  const hover = await client.ask<Hover | null>('textDocument/hover', path, at);
  return hover ? (hover.contents as { value: string }).value : '';
};

describe('hover', () => {
  it('a let has its type, with the sizes of the config', async () => {
    expect(await hovered('block.mdl', 'let |h')).toBe('```mdl\nlet h: [B, T, 32]\n```');
  });
  it('a name in another file, by its declaration there', async () => {
    expect(await hovered('net.mdl', '[La|yer(')).toBe(
      '```mdl\nmodule Block(width, c)\n```\n\nOne layer.\n\n616 parameters in each of 2 instances, as in `layers.0`',
    );
  });
  it('a submodule has its parameters', async () => {
    expect(await hovered('block.mdl', 'fc  | = ')).toBe('');
    expect(await hovered('block.mdl', '|fc   = ')).toContain(
      '288 parameters in each of 2 instances, as in `layers.0.fc`',
    );
  });
  it('a field of the config has its value', async () => {
    expect(await hovered('net.mdl', '[Layer(wi|dth')).toContain('config field width = 8');
    expect(await hovered('block.mdl', 'c.hid|den)\n  back')).toContain('config field hidden = 32');
  });
  it('an expression has its type, or its value at compile time', async () => {
    expect(await hovered('block.mdl', 'x |+ (gelu')).toBe('```mdl\n[B, T, 8]\n```');
    expect(await hovered('block.mdl', 'gelu|(h)')).toContain('gelu(x)');
    expect(await hovered('block.mdl', '(h) ||> back')).toBe('```mdl\n[B, T, 8]\n```');
    await client.edit('net.mdl', 'LayerNorm(width)', 'LayerNorm(2 * width - 8)');
    expect(await hovered('net.mdl', '2 |* width - 8')).toBe('```mdl\n16\n```');
    expect(await hovered('net.mdl', '2 * width |- 8')).toBe('```mdl\n8\n```');
    await client.edit('net.mdl', 'LayerNorm(2 * width - 8)', 'LayerNorm(width)');
  });
  it('a param has its shape and key, an argument its value, a loop its item', async () => {
    const { client: other } = connect();
    await other.initialize();
    const text =
      '/// Scales.\nmodule Gain(width) {\n  param gain: [width] = ones()\n  forward(x: [..., width]) { x * gain }\n}\n' +
      'model Net {\n  gains = [Gain(4) for i in range(2)]\n  entry run(x: [B, 4]) -> (y: [B, 4]) {\n    for g in gains { x = g(x) }\n    x\n  }\n}\n';
    await other.open('gain.mdl', text);
    const told = async (at: string) =>
      ((await other.ask<Hover>('textDocument/hover', 'gain.mdl', at)).contents as { value: string }).value;
    expect(await told('x * |gain')).toBe('```mdl\nparam gain: [4]\n```\n\n4 elements: 2 of them, first `gains.0.gain`');
    expect(await told('module Gain(|width')).toBe('```mdl\nargument width = 4\n```');
    expect(await told('module |Gain')).toContain('Scales.');
    expect(await told('{ |x = g')).toContain('[B, 4]');
    await other.stop();
  });
  it('a flag and a built-in function', async () => {
    expect(await hovered('block.mdl', 'when norm|_on')).toBe(
      '```mdl\nflag norm_on = true\n```\n\nLayerNorm before the activation',
    );
    expect(await hovered('block.mdl', '(ge|lu(')).toMatch(/^```mdl\ngelu\(x\)\n```\n\n\w/);
  });
});

describe('inlay hints', () => {
  it('have the shapes of lets and of steps', async () => {
    const range = { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } };
    const hints = await client.ask<InlayHint[]>('textDocument/inlayHint', 'block.mdl', 'import', { range });
    expect(
      hints.map(({ position, label }) => [BLOCK.split('\n')[position.line]!.slice(0, position.character), label]),
    ).toEqual([
      ['    let h', ': [B, T, 32]'],
      ['    let h = x |> fc', '[B, T, 32]'],
      ['    x + (gelu(h) |> back', '[B, T, 8]'],
    ]);
  });
});

const lineOf = (text: string, find: string): number => positionIn(text, text.indexOf(find)).line;

describe('definition and references', () => {
  it('go to the declaration, through another name of an import', async () => {
    const found = await client.ask<Location>('textDocument/definition', 'net.mdl', '[La|yer(');
    expect([found.uri, found.range.start.line]).toEqual([uriOf('block.mdl'), lineOf(BLOCK, 'module Block')]);
  });
  it('go to a member of what is passed', async () => {
    const found = await client.ask<Location>('textDocument/definition', 'block.mdl', 'c.hid|den)\n  back');
    expect([found.uri, found.range.start.line]).toEqual([uriOf('net.mdl'), lineOf(MODEL, 'config base')]);
  });
  it('go to an imported file and into the standard library, whose text the server has', async () => {
    const file = await client.ask<Location>('textDocument/definition', 'net.mdl', '"./blo|ck.mdl"');
    expect(file.uri).toBe(uriOf('block.mdl'));
    const std = await client.ask<Location>('textDocument/definition', 'block.mdl', '= Lin|ear');
    expect(std.uri).toBe('mdl:/std.mdl');
    const text = await client.connection.sendRequest<string>('mdl/text', { uri: std.uri });
    expect(text.split('\n')[std.range.start.line]).toContain('module Linear(');
  });
  it('every place of a name in both files', async () => {
    const more = { context: { includeDeclaration: true } };
    const found = await client.ask<Location[]>('textDocument/references', 'net.mdl', 'mlp { hid|den = 32', more);
    expect(found.map(({ uri, range }) => `${uri.split('/').at(-1)} ${range.start.line}`).sort()).toEqual([
      'block.mdl 7',
      'block.mdl 8',
      'block.mdl 9',
      'net.mdl 3',
      'net.mdl 4',
    ]);
  });
});

describe('rename', () => {
  it('changes every file', async () => {
    const { changes } = await client.ask<WorkspaceEdit>('textDocument/rename', 'block.mdl', 'module Blo|ck', {
      newName: 'Unit',
    });
    expect(Object.entries(changes!).map(([uri, edits]) => [uri, edits.length])).toEqual([
      [uriOf('block.mdl'), 1],
      [uriOf('net.mdl'), 1],
    ]);
    expect(changes![uriOf('net.mdl')]![0]).toMatchObject({
      newText: 'Unit',
      range: { start: { line: 1, character: 9 } },
    });
  });
  it('refuses a clash and a checkpoint key, with the reason', async () => {
    const to = (at: string, newName: string) => client.ask('textDocument/rename', 'block.mdl', at, { newName });
    await expect(to('let |h', 'x')).rejects.toThrow('block.mdl has a name x already');
    await expect(to('|fc   =', 'dense')).rejects.toThrow('fc is part of checkpoint keys');
  });
  it('says what would be renamed', async () => {
    expect(await client.ask('textDocument/prepareRename', 'block.mdl', 'module Blo|ck')).toMatchObject({
      placeholder: 'Block',
    });
    expect(await client.ask('textDocument/prepareRename', 'block.mdl', '| = Linear(width')).toBeNull();
  });
});

const labels = async (path: string, at: string): Promise<string[]> =>
  (await client.ask<CompletionItem[]>('textDocument/completion', path, at)).map(({ label }) => label);

describe('completion', () => {
  it('members of an object while the text does not parse', async () => {
    await client.edit('block.mdl', 'x + (gelu(h) |> back)', 'c.');
    expect(await labels('block.mdl', '    c.|\n')).toEqual(['hidden']);
    await client.edit('block.mdl', '    c.\n', '    x + (gelu(h) |> back)\n');
    await client.edit('net.mdl', 'last(h)', 'layers[0].');
    expect(await labels('net.mdl', 'layers[0].|')).toEqual(['fc', 'back', 'norm']);
    await client.edit('net.mdl', 'layers[0].', 'last(h)');
  });
  it('names in sight, of the file, built in and to import', async () => {
    const found = await labels('block.mdl', 'let h = |x');
    expect(found).toEqual(
      expect.arrayContaining(['x', 'width', 'fc', 'T', 'norm_on', 'Linear', 'gelu', 'RMSNorm', 'for']),
    );
    expect(found.filter((label) => label === 'x')).toHaveLength(1);
    expect(found).not.toContain('layers');
  });
  it('a name of std brings its import', async () => {
    const items = await client.ask<CompletionItem[]>('textDocument/completion', 'block.mdl', 'let h = |x');
    const { additionalTextEdits } = items.find(({ label }) => label === 'RMSNorm')!;
    const at = positionIn(BLOCK, BLOCK.indexOf(' } from "std"'));
    expect(additionalTextEdits).toEqual([{ range: { start: at, end: at }, newText: ', RMSNorm' }]);
  });
  it('in an import what there is to import', async () => {
    expect(await labels('net.mdl', 'import { |Block')).toEqual(['Block']);
    expect(await labels('net.mdl', 'import { |Layer')).toContain('MultiHeadAttention');
  });
  it('paths of the model in patterns', async () => {
    expect(await labels('net.mdl', 'train |layers')).toEqual(['layers', 'layers[*]', 'last']);
    expect(await labels('net.mdl', 'layers[*].|fc')).toEqual(['fc', 'back', 'norm']);
    expect(await labels('net.mdl', 'fc, last|')).toContain('layers[*]');
  });
  it('paths of the model and flags where adapters, stages and conditions want them', async () => {
    await client.edit(
      'net.mdl',
      'stage all {',
      'adapt layers[*].fc, last with LoRA(r = 2, alpha = 4)\n\nstage all {\n  set norm_on = false',
    );
    expect(await labels('net.mdl', 'adapt |layers')).toEqual(['layers', 'layers[*]', 'last']);
    expect(await labels('net.mdl', 'adapt layers[*].|fc')).toEqual(['fc', 'back', 'norm']);
    expect(await labels('net.mdl', 'set |norm_on')).toEqual(['norm_on']);
    await client.edit(
      'net.mdl',
      'adapt layers[*].fc, last with LoRA(r = 2, alpha = 4)\n\nstage all {\n  set norm_on = false',
      'stage all {',
    );
  });
  it('have kinds, docs and signatures', async () => {
    const items = await client.ask<CompletionItem[]>('textDocument/completion', 'block.mdl', 'let h = |x');
    const of = (label: string) => items.find((item) => item.label === label)!;
    expect(of('norm_on')).toMatchObject({
      kind: CompletionItemKind.EnumMember,
      documentation: 'LayerNorm before the activation',
    });
    expect(of('fc')).toMatchObject({ kind: CompletionItemKind.Property, detail: 'submodule' });
    expect(of('T')).toMatchObject({ kind: CompletionItemKind.TypeParameter });
    expect(of('gelu')).toMatchObject({ kind: CompletionItemKind.Function, detail: 'gelu(x)' });
    expect(of('RMSNorm')).toMatchObject({ kind: CompletionItemKind.Class, detail: 'import from "std"' });
    expect(of('for')).toMatchObject({ kind: CompletionItemKind.Keyword });
  });
  it('nothing in a comment', async () => {
    expect(await labels('block.mdl', '/// One |layer')).toEqual([]);
  });
});

it('signature help has the parameters and the one at the cursor', async () => {
  const help = (path: string, at: string) => client.ask('textDocument/signatureHelp', path, at);
  expect(await help('block.mdl', 'LayerNorm(|c')).toMatchObject({
    signatures: [{ label: 'LayerNorm(normalized_shape, eps = 1e-5, with_bias = true)' }],
    activeParameter: 0,
  });
  expect(await help('net.mdl', 'Layer(width, |mlp')).toMatchObject({
    signatures: [{ label: 'Layer(width, c)', documentation: 'One layer.' }],
    activeParameter: 1,
  });
  expect(await help('block.mdl', 'gelu(|h')).toMatchObject({ signatures: [{ label: 'gelu(x)' }] });
  expect(await help('net.mdl', 'layer(|h)')).toMatchObject({ signatures: [{ label: 'layer(x: [B, T, width])' }] });
});

it('the outline has declarations and members', async () => {
  const symbols = await client.ask<{ name: string; detail: string; children: { name: string }[] }[]>(
    'textDocument/documentSymbol',
    'block.mdl',
    'import',
  );
  expect(symbols.map(({ name, detail }) => `${detail} ${name}`)).toEqual([
    'import std',
    'flag norm_on',
    'module Block',
  ]);
  expect(symbols[2]!.children.map(({ name }) => name)).toEqual(['fc', 'back', 'norm', 'forward']);
});

it('brackets over lines and comments fold', async () => {
  const folds = await client.ask<{ startLine: number; endLine: number }[]>(
    'textDocument/foldingRange',
    'net.mdl',
    'import',
  );
  const at = (find: string): number => lineOf(MODEL, find);
  expect(folds.map(({ startLine, endLine }) => [startLine, endLine])).toEqual([
    [at('entry run'), at('    last(h)')],
    [at('model Net'), at('    last(h)') + 1],
    [at('stage all'), at('  train')],
  ]);
});

it('tokens have the classes of what they stand for', async () => {
  const { capabilities } = await connect().client.initialize();
  const { legend } = capabilities.semanticTokensProvider as { legend: { tokenTypes: string[] } };
  const { data } = await client.ask<{ data: number[] }>('textDocument/semanticTokens/full', 'block.mdl', 'import');
  let [line, character] = [0, 0];
  const found: string[] = [];
  for (let at = 0; at < data.length; at += 5) {
    line += data[at]!;
    character = data[at]! > 0 ? data[at + 1]! : character + data[at + 1]!;
    found.push(`${BLOCK.split('\n')[line]!.substr(character, data[at + 2]!)} ${legend.tokenTypes[data[at + 3]!]}`);
  }
  expect(found).toEqual(
    expect.arrayContaining([
      'import keyword',
      'Linear class',
      '/// One layer. comment',
      'norm_on enumMember',
      'width parameter',
      'fc property',
      'T typeParameter',
      'h variable',
      'gelu function',
      '|> operator',
      '"std" string',
    ]),
  );
});

it('formatting gives the one layout', async () => {
  await client.edit('net.mdl', 'last   = ', 'last=');
  const edits = await client.ask<{ newText: string }[]>('textDocument/formatting', 'net.mdl', 'import', {
    options: {},
  });
  expect(edits.map(({ newText }) => newText)).toEqual([MODEL]);
  await client.edit('net.mdl', 'last=', 'last   = ');
  expect(await client.ask('textDocument/formatting', 'net.mdl', 'import', { options: {} })).toEqual([]);
});

describe('settings', () => {
  it('of a program are listed', async () => {
    expect(await client.connection.sendRequest('mdl/settings', { uri: uriOf('block.mdl') })).toEqual({
      configs: ['base', 'wide'],
      config: 'base',
      flags: [{ name: 'norm_on', doc: 'LayerNorm before the activation', value: true }],
    });
  });

  it('that are chosen change shapes, values and hints', async () => {
    await client.connection.sendRequest('workspace/executeCommand', {
      command: 'mdl.choose',
      arguments: [{ config: 'wide', set: { norm_on: false } }],
    });
    expect(await hovered('block.mdl', 'let |h')).toBe('```mdl\nlet h: [B, T, 64]\n```');
    expect(await hovered('block.mdl', 'when norm|_on')).toContain('flag norm_on = false');
    await client.connection.sendRequest('mdl/choose', {});
    expect(await hovered('block.mdl', 'let |h')).toBe('```mdl\nlet h: [B, T, 32]\n```');
  });

  it('that the program does not have are diagnostics of its file', async () => {
    const other = await started({ set: { norm_onn: false } });
    const [found, ...more] = await other.diagnostics('net.mdl');
    expect(more).toEqual([]);
    expect(found).toMatchObject({ code: 'E0220', range: { start: { line: 0, character: 0 } } });
    expect(found!.message).toContain('norm_onn');
    expect([...other.published.keys()].sort()).toEqual([uriOf('block.mdl'), uriOf('net.mdl')]);
    await other.stop();
  });

  it('of another form are refused by name', async () => {
    const { client: other } = connect(FILES);
    const shown: string[] = [];
    other.connection.onNotification('window/showMessage', ({ message }: { message: string }) => {
      shown.push(message);
    });
    await other.initialize({ confg: 'wide', config: 3, set: { norm_on: [] } });
    await other.stop();
    expect(shown).toEqual([
      'E0280: the editor\'s setting mdl.confg is "wide", and only config and set was expected',
      "E0280: the editor's setting mdl.config is 3, and the name of a config was expected",
      "E0280: the editor's setting mdl.set.norm_on is [], and true, false, a number or a text was expected",
    ]);
  });
});

it('a fix is a code action', async () => {
  await client.edit('net.mdl', 'last(h)', 'lost(h)');
  const more = { context: { diagnostics: [] } };
  const actions = await client.ask<CodeAction[]>('textDocument/codeAction', 'net.mdl', 'lo|st(h)', more);
  expect(actions.map(({ title }) => title)).toEqual(['did you mean last?']);
  expect(actions[0]!.edit!.changes![uriOf('net.mdl')]![0]!.newText).toBe('last');
  await client.edit('net.mdl', 'lost(h)', 'last(h)');
});
