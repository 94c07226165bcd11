/** The errors of checkpoints in other formats than safetensors, R118–R121; part of the messages in ../errors.ts, which says how they are written. */
import { message } from '../message.ts';

type InFile = { readonly file: string };

export const CHECKPOINT_MESSAGES = {
  weights_part: message(
    'R1185',
    ({ file, part, known }: InFile & { part: string; known: readonly string[] }) =>
      `${file} has no tensor under ${part}. and ${known.length > 0 ? `its first levels are ${known.join(', ')}` : 'its keys have no levels'}, so name one of them behind the #`,
  ),
  several_weights_files: message(
    'R1186',
    ({ file, names }: InFile & { names: readonly string[] }) =>
      `the folder ${file} has ${names.length} files that could be its weights (${names.join(', ')}) and no index, so give the one that is meant`,
  ),
} as const;
