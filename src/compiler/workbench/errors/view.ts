/** What `mdl view` cannot show and `mdl diff` cannot compare, and what `mdl explain` does not find: C0504, C0505, C0610-C0612. A part of the catalogue of ../errors.ts. */
import { entry } from './entry.ts';

export const CLI_VIEW = {
  view_onnx: entry(
    'C0504',
    ({ file, reason }: { file: string; reason: string }) => `${file} cannot be shown: ${reason}`,
    '`mdl view` shows an .mdl file, a folder that `mdl compile --target onnx` wrote, or an ONNX file. An ONNX file is read as protobuf; weights beside it are not needed.',
  ),
  viewer_missing: entry(
    'C0505',
    ({ folder }: { folder: string }) =>
      `the viewer is not there: viewer.js and viewer.css are looked for from ${folder} upwards, in dist`,
    '`mdl view` puts the program that draws a model into the page that it writes. `npm run build` makes it; a package that is installed has it.',
  ),
  nothing_found: entry(
    'C0610',
    ({ query }: { query: string }) =>
      `no message is about ${query}: try other words, or \`mdl explain\` for all of them`,
    '`mdl explain WORDS` looks for the words in the titles and texts of all messages, by their beginnings; this time none of the words occurs. `mdl explain NAME` is for built-in functions and what the standard library has, as they are spelt.',
  ),
  diff_entry: entry(
    'C0611',
    ({
      file,
      model,
      wanted,
      entries,
    }: {
      file: string;
      model: string;
      wanted: string | undefined;
      entries: readonly string[];
    }) =>
      wanted === undefined
        ? `${file} has one graph and ${model} has the entries ${entries.join(', ')}: say with --entry which of them it is`
        : `${model} has no entry ${wanted} to compare ${file} with: it has ${entries.join(', ')}`,
    'An ONNX file does not say which entry of a model it is. It goes with the entry that is named as the file is, the only one there is, or the one of `--entry`.',
  ),
  diff_settings: entry(
    'C0612',
    ({ option }: { option: string }) =>
      `${option} says how a program is compiled, and no .mdl file is there that it is about: leave it out`,
    'A compiled folder and an ONNX file are what they are; settings (`--config`, `--set`, …) hold for the .mdl files of both sides, `--to-config` and `--to-set` for that of the second.',
  ),
} as const;
