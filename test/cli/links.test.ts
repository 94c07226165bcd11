/** A link that leads out of the project is refused by where it leads; what is not there is not found. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderWith, mdl } from './support.ts';

const LIB = 'fn twice(x) { x + x }\n';
const net = (from: string): string =>
  `import { twice } from "${from}"\n\nmodel Net {\n  entry run(x: [B, 4]) -> (y: [B, 4]) { twice(x) }\n}\n`;

it('C0557 names the link and its end, E0006 what is nowhere', async () => {
  const [folder, elsewhere] = [folderWith({ 'net.mdl': net('./models/lib.mdl') }), folderWith({ 'lib.mdl': LIB })];
  symlinkSync(elsewhere, join(folder, 'models'), 'dir');
  const { code, stdout, stderr } = await mdl(folder, 'check', 'net.mdl');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^error\[C0557\]: models\/lib\.mdl is a link out of the project, to .*lib\.mdl, and only files below /m,
  );
  rmSync(join(elsewhere, 'lib.mdl'));
  const gone = await mdl(folder, 'check', 'net.mdl');
  expect(gone.stdout + gone.stderr).toContain('error[E0006]: there is no file "models/lib.mdl"');
});

it('the model itself, through a folder that is a link', async () => {
  const [folder, elsewhere] = [folderWith(), folderWith({ 'net.mdl': net('./lib.mdl'), 'lib.mdl': LIB })];
  symlinkSync(elsewhere, join(folder, 'models'), 'dir');
  expect((await mdl(folder, 'check', 'models/net.mdl')).stderr).toContain('error[C0557]: models/net.mdl is a link');
});

it('a link within the project is followed', async () => {
  const folder = folderWith({ 'net.mdl': net('./models/lib.mdl') });
  mkdirSync(join(folder, 'real'));
  writeFileSync(join(folder, 'real', 'lib.mdl'), LIB);
  symlinkSync(join(folder, 'real'), join(folder, 'models'), 'dir');
  expect((await mdl(folder, 'check', 'net.mdl')).code).toBe(0);
});
