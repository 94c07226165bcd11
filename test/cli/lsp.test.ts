/** `mdl lsp` as an editor starts it: a session over standard input and output, on files of the disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import type { Hover } from 'vscode-languageserver';
import { type Client, spawned } from '../lsp/client.ts';
import { program, ROOT } from './support.ts';

it('answers about TinyGPT-V, reads its imports from the disk and ends when it is told to', async () => {
  const child = spawn(process.execPath, [program(), 'lsp', '--stdio'], { cwd: ROOT, stdio: 'pipe' });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  const folder = `${pathToFileURL(ROOT).href.replace(/\/$/, '')}/`;
  const client: Client = spawned(child, folder);
  const { serverInfo } = await client.initialize({ config: 'nano', set: { qk_norm: false } });
  expect(serverInfo?.name).toBe('mdl');
  const path = 'models/tinygpt-v.mdl';
  await client.open(path, readFileSync(join(ROOT, path), 'utf8'));
  expect(await client.diagnostics(path)).toEqual([]);
  const hover = await client.ask<Hover>('textDocument/hover', path, 'let |features');
  expect((hover.contents as { value: string }).value).toBe('```mdl\nlet features: [N, 17, 64]\n```');
  await client.edit(path, 'Qformer(query_tokens, features)', 'Qformer(query_tokens)');
  expect((await client.diagnostics(path)).map(({ code }) => code)).toEqual(['E0203']);
  const ended = once(child, 'exit');
  await client.connection.sendRequest('shutdown');
  await client.connection.sendNotification('exit');
  expect((await ended)[0]).toBe(0);
  expect(errors).toBe('');
});
