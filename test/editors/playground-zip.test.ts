/** A project of the playground as a zip and back, and what is refused by its name. */
import { strToU8, zipSync } from 'fflate';
import { expect, it } from 'vitest';
import { projectOf, zipOf } from '../../examples/playground/src/zip.ts';

const NET = 'import { f } from "./lib/f.mdl"\n\nmodel Net {\n  entry run(x: [B]) -> (y: [B]) { f(x) }\n}\n';
const LIB = '// é\nfn f(x) { x }\n';
const LATIN = Uint8Array.of(...strToU8('// caf'), 0xe9);

const file = (name: string, bytes: Uint8Array | string): File => new File([bytes as never], name);
const packed = (files: Readonly<Record<string, Uint8Array>>): File => file('a.zip', zipSync({ ...files }));

it('a project, its settings and folders among it, is what it was', async () => {
  const project = {
    name: 'net.mdl',
    root: 'net.mdl',
    files: { 'net.mdl': NET, 'lib/f.mdl': LIB },
    config: 'a',
    set: { on: false },
  };
  expect(await projectOf([file('a.zip', zipOf(project as never))])).toEqual(project);
});

it('files beside each other: the model is the root, and what is no text of MDL in a zip is left out', async () => {
  const found = await projectOf([file('f.mdl', LIB), file('net.mdl', NET)]);
  expect([found.root, Object.keys(found.files)]).toEqual(['net.mdl', ['f.mdl', 'net.mdl']]);
  const zip = packed({ 'net.mdl': strToU8(NET), 'cat.png': LATIN });
  expect(Object.keys((await projectOf([zip])).files)).toEqual(['net.mdl']);
});

it.each([
  ['a file', [file('a.mdl', LATIN)], 'a.mdl is not UTF-8: save it as UTF-8'],
  ['a member', [packed({ 'lib/a.mdl': LATIN })], 'lib/a.mdl is not UTF-8: save it as UTF-8'],
  [
    'a long member',
    [packed({ 'b.mdl': new Uint8Array(1_000_001) })],
    'b.mdl has 1000001 bytes, and a text has 1000000 at most',
  ],
  ['nothing', [packed({ 'cat.png': LATIN })], 'there is no .mdl file in it'],
])('%s that is none is refused', async (_, files, message) => {
  await expect(projectOf(files)).rejects.toThrow(message);
});
