/** The packed extension: what it says it has is in it, and its server answers without anything installed beside it. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { strFromU8, unzipSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { commandLine, shownChoice } from '../../editors/vscode/src/words.ts';
import { mdlLexer } from '../../grammar/tokens.ts';
import { format } from '../../src/compiler/format/index.ts';
import { spawned } from '../lsp/client.ts';
import { folderWith, mdl, ROOT } from './support.ts';

interface Manifest {
  readonly version: string;
  readonly main: string;
  readonly contributes: {
    readonly languages: readonly { readonly configuration: string }[];
    readonly grammars: readonly { readonly path: string }[];
    readonly snippets: readonly { readonly path: string }[];
    readonly commands: readonly { readonly command: string }[];
    readonly problemMatchers: readonly { readonly pattern: readonly Record<string, unknown>[] }[];
  };
}

let files: Record<string, Uint8Array>;
let manifest: Manifest;
let folder: string;

beforeAll(() => {
  const printed = execFileSync(process.execPath, [join(ROOT, 'scripts/vscode.mjs')], { cwd: ROOT, encoding: 'utf8' });
  files = unzipSync(readFileSync(join(ROOT, printed.split(' ')[0]!)));
  manifest = JSON.parse(text('extension/package.json')) as Manifest;
  folder = folderWith();
});

function text(name: string): string {
  return strFromU8(files[name]!);
}

describe('the package', () => {
  it('has every file that its manifests name', () => {
    const { main, contributes } = manifest;
    const { languages, grammars, snippets } = contributes;
    const named = [
      main,
      ...languages.map((l) => l.configuration),
      ...[...grammars, ...snippets].map(({ path }) => path),
    ];
    const assets = [...text('extension.vsixmanifest').matchAll(/ Path="([^"]+)"/g)].map((match) => match[1]!);
    const missing = [...named.map((path) => path.replace('./', 'extension/')), ...assets].filter(
      (path) => !files[path],
    );
    expect(missing).toEqual([]);
    expect(text('extension.vsixmanifest')).toContain(`Version="${manifest.version}"`);
    for (const name of Object.keys(files).filter((file) => file !== '[Content_Types].xml'))
      expect(text('[Content_Types].xml')).toContain(`Extension=".${name.split('.').at(-1)}"`);
    expect(text('extension/THIRD-PARTY-NOTICES.txt')).toContain('vscode-languageclient');
  });

  it('has an action for each command, and no other', () => {
    const source = readFileSync(join(ROOT, 'editors/vscode/src/extension.ts'), 'utf8');
    const registered = [...source.matchAll(/^ {4}'(mdl\.\w+)': /gm)].map((match) => match[1]!);
    expect(registered.sort()).toEqual(manifest.contributes.commands.map(({ command }) => command).sort());
  });

  it('has snippets that parse', () => {
    const snippets = JSON.parse(text('extension/snippets/mdl.json')) as Record<string, { body: string[] }>;
    for (const { body } of Object.values(snippets)) {
      // a place's text, its first choice, or what the same place had before
      const filled = body.join('\n').replace(/\$\{\d+\|(\w+)[^}]*\}/g, '$1');
      let inner = filled;
      for (let before = ''; before !== inner; ) {
        before = inner;
        inner = inner.replace(/\$\{\d+:((?:[^{}$]|\{[^{}$]*\})*)\}/g, '$1');
      }
      expect(mdlLexer.tokenize(inner).errors).toEqual([]);
      expect(format(`${inner}\n`).problems).toEqual([]);
    }
  });

  it('has a server that answers alone', async () => {
    writeFileSync(join(folder, 'server.cjs'), files['extension/dist/server.cjs']!);
    const child = spawn(process.execPath, [join(folder, 'server.cjs'), '--stdio'], { cwd: folder, stdio: 'pipe' });
    const client = spawned(child, `${pathToFileURL(folder).href}/`);
    await client.initialize();
    await client.open('a.mdl', 'model M {\n  entry run(x: [B, 4]) -> (y: [B, 5]) { gelu(x) }\n}\n');
    expect((await client.diagnostics('a.mdl')).map(({ code }) => code)).toEqual(['E0304']);
    await client.stop();
    child.kill();
  });
});

it('the problem matcher reads what mdl check prints', async () => {
  const broken = 'model M {\n  entry run(x: [B, 4]) -> (y: [B, 4]) { gelo(x) }\n}\n';
  const { stdout } = await mdl(folderWith({ 'a.mdl': broken }), 'check', 'a.mdl');
  const [first, second] = manifest.contributes.problemMatchers[0]!.pattern as [
    { regexp: string; severity: number; code: number; message: number },
    { regexp: string; file: number; line: number; column: number },
  ];
  const lines = stdout.split('\n');
  const head = new RegExp(first.regexp).exec(lines[0]!)!;
  const place = new RegExp(second.regexp).exec(lines[1]!)!;
  expect([head[first.severity], head[first.code], head[first.message]]).toEqual([
    'error',
    'E0105',
    expect.stringContaining('gelo'),
  ]);
  expect([place[second.file], place[second.line], place[second.column]]).toEqual(['a.mdl', '2', '41']);
});

describe('words', () => {
  it('of the status bar', () => {
    expect(shownChoice('nano', { qk_norm: false, 'phi.num_layers': 2 })).toBe(
      'nano · qk_norm off · phi.num_layers = 2',
    );
    expect(shownChoice(undefined, {})).toBe('mdl');
  });
  it('of a shell keep what is given as it is', () => {
    const choice = { config: 'nano', set: { qk_norm: false } };
    expect(commandLine('npx mdl', 'ir', "it's/a b.mdl", choice, ['--entry', 'run'])).toBe(
      `npx mdl ir 'it'\\''s/a b.mdl' --config nano --set qk_norm=false --entry run`,
    );
  });
});
