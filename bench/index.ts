/**
 * `npm run bench [compile|write|run|train|lsp|torch …]`: how long and how much, always beside a peer or a limit of the same run,
 * because times differ from machine to machine and their ratios hardly do.
 */
import compile from './compile.ts';
import lsp from './lsp.ts';
import run from './run.ts';
import { machine } from './support.ts';
import torch from './torch.ts';
import train from './train.ts';
import write from './write.ts';

const BENCHMARKS: Readonly<Record<string, () => Promise<void>>> = { compile, write, run, train, lsp, torch };

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHMARKS);
const unknown = wanted.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  console.error(`there is no benchmark ${unknown.join(', ')}: they are ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exitCode = 2;
} else {
  console.log(machine());
  for (const name of wanted) await BENCHMARKS[name]!();
}
