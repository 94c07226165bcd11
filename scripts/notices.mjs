/**
 * The licences of the libraries that a bundle contains, as their authors ask: one text, a part for each package and for
 * each NOTICES.md beside a bundled source, which names what is embedded there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LICENCE_FILE = /^(licen[cs]e|notice|copying)/i;

/**
 * @param {string} root of the project
 * @param {readonly string[]} inputs the files that were bundled, relative to `root`
 * @throws Error for a package that names no licence
 */
export function noticesOf(root, inputs) {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined));
  const own = new Set(inputs.filter((input) => !input.includes('node_modules/')).map(dirname));
  const embedded = [...own].map((folder) => join(root, folder, 'NOTICES.md')).filter((file) => existsSync(file));
  const parts = [
    ...[...folders].sort().map((folder) => noticeOf(join(root, folder))),
    ...embedded.map((file) => readFileSync(file, 'utf8')),
  ];
  return `The files of this package contain the following libraries.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/** `node_modules/a/node_modules/@b/c/lib/x.js` → `node_modules/a/node_modules/@b/c` */
function packageFolder(input) {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

function noticeOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => LICENCE_FILE.test(file));
  if (typeof license !== 'string' && files.length === 0)
    throw new Error(`${name} names no licence, so it cannot be bundled`);
  const texts = files
    .filter((file) => existsSync(join(folder, file)))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  const by = typeof author === 'string' ? author : author?.name;
  const head = `${name} ${version} (${license})${by ? `, ${by}` : ''}`;
  return `${[head, ...texts].join('\n\n')}\n`;
}
