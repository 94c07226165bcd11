/** What `mdl view` cannot show: C0504 and C0505. A part of the catalogue of ../errors.ts. */
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
} as const;
