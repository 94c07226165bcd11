/** The package's declarations under the strictest settings of a user, `skipLibCheck` off. */
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { project, provide, REPOSITORY, run, write } from './support.ts';

const USE = `import { compile, graphsOf, TARGETS, type SourceHost } from 'mdl-compiler';
import { openSession, Tokenizer, type Session } from 'mdl-compiler/runtime';
import { acquireDevice, openPlan, type WebGpuPlan } from 'mdl-compiler/webgpu';

const host: SourceHost = { read: (path) => (path === 'm.mdl' ? 'model M {}' : undefined) };
const { model, diagnostics } = compile('m.mdl', host, { config: 'small' });
export const messages: string[] = diagnostics().map(({ message }) => message);
const graphs = model && graphsOf(model);
export const bytes: Uint8Array[] = graphs ? [...TARGETS.onnx.compile(graphs, { opset: 17 }).files(null).values()] : [];
export const plan: WebGpuPlan | undefined = graphs && TARGETS.webgpu.compile(graphs).plan;
export async function run(tokens: string): Promise<readonly number[]> {
  const session: Session = await openSession('model', { backend: 'auto' });
  const { logits } = await session.run('decode', { ids: { dtype: 'i64', shape: [1], data: [...Tokenizer.from(tokens).encode('a')].length ? BigInt64Array.of(1n) : BigInt64Array.of(2n) } });
  return logits!.shape;
}
export const device = (): ReturnType<typeof acquireDevice> => acquireDevice();
export { openPlan };
`;

const STRICT = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
  target: 'ES2022',
};

/** name → compilerOptions, file name */
const SETTINGS: Readonly<Record<string, readonly [object, string]>> = {
  'a bundler, with the DOM': [
    { module: 'ESNext', moduleResolution: 'bundler', lib: ['ES2023', 'DOM'], types: [] },
    'use.ts',
  ],
  'a bundler for pages': [
    { module: 'ESNext', moduleResolution: 'bundler', lib: ['ES2023', 'DOM'], types: [], customConditions: ['browser'] },
    'use.ts',
  ],
  'Node, ES modules': [{ module: 'NodeNext', lib: ['ES2023'], types: ['node'] }, 'use.mts'],
  'Node, CommonJS': [{ module: 'NodeNext', lib: ['ES2023'], types: ['node'] }, 'use.cts'],
};

/** TypeScript's last release in JavaScript, which most users have, and the project's own. */
const COMPILERS: Readonly<Record<string, (folder: string) => string>> = {
  'TypeScript 5.9': (folder) => join(folder, 'node_modules/typescript/bin/tsc'),
  'TypeScript 7': () => join(REPOSITORY, 'node_modules/typescript/bin/tsc'),
};

describe.each(Object.entries(COMPILERS))('%s', (_, compilerOf) => {
  it.each(Object.entries(SETTINGS))('%s', async (_, [settings, file]) => {
    const folder = project({ 'package.json': '{ "name": "user", "private": true }', [file]: USE });
    provide(folder, inject('tarball'), ['@types/node', 'undici-types', 'typescript']);
    write(folder, { 'tsconfig.json': JSON.stringify({ compilerOptions: { ...STRICT, ...settings }, files: [file] }) });
    const { code, text } = await run(folder, process.execPath, compilerOf(folder), '-p', '.');
    expect(text).toBe('');
    expect(code).toBe(0);
  });
});
