/** The codes R07 to R09: initialisers, training and its data. */
import { message } from '../message.ts';

type InFile = { readonly file: string };

export const TRAINING_MESSAGES = {
  // R07: initialisers
  initialiser_fan_in: message(
    'R0701',
    ({ key, kind, shape }: { key: string; kind: string; shape: readonly number[] }) =>
      `${key} has shape [${shape.join(', ')}] and ${kind} needs fan_in, so at least two axes and no axis of 0; use normal, uniform or zeros`,
  ),
  initialiser_arguments: message(
    'R0702',
    ({ key, kind, reason }: { key: string; kind: string; reason: string }) =>
      `the initialiser ${kind} of ${key} cannot be computed because ${reason}, so correct its arguments`,
  ),
  element_range: message(
    'R0703',
    ({ key, start, count, size }: { key: string; start: number; count: number; size: number }) =>
      `elements ${start} to ${start + count} of ${key} were asked for and it has ${size}, so ask for a range inside it`,
  ),
  seed: message(
    'R0704',
    ({ seed }: { seed: number }) => `the seed ${seed} is not an integer from 0 to 2^53 - 1, so choose one that is`,
  ),
  // R08: training
  not_finite: message(
    'R0801',
    ({ stage, step, what, where }: { stage: string; step: number; what: string; where: string | undefined }) =>
      `${what} is not finite at step ${step} of ${stage}${where === undefined ? '' : `, first in ${where}`}, so nothing was updated; check it or lower the learning rate`,
  ),
  no_labels: message(
    'R0802',
    ({ stage, step, data }: { stage: string; step: number; data: string }) =>
      `the batch of step ${step} of ${stage} has no label that counts (${data}), and at least one must be other than -100, so check the labels`,
  ),
  checkpoint_of_another_run: message(
    'R0803',
    ({ file, what, found, expected }: InFile & { what: string; found: string; expected: string }) =>
      `${file} is of another run: its ${what} is ${found} and this run has ${expected}, so resume with the settings of that run or choose another folder`,
  ),
  checkpoint_form: message(
    'R0804',
    ({ file, reason }: InFile & { reason: string }) =>
      `${file} ${reason} and a training checkpoint of this version is expected, so remove it or resume from another`,
  ),
  no_checkpoint: message(
    'R0805',
    ({ file }: InFile) =>
      `there is no checkpoint to resume from in ${file}, so start a run without --resume, in a folder of its own`,
  ),
  batch_count: message(
    'R0806',
    ({ stage, found, expected }: { stage: string; found: number; expected: number }) =>
      `a step of ${stage} takes ${expected} ${expected === 1 ? 'batch' : 'batches'} and was given ${found}, so give trainStep ${expected === 1 ? 'one' : `a list of ${expected}`}`,
  ),
  // R09: data
  emoji_missing: message(
    'R0901',
    ({ reason }: { reason: string }) =>
      `the emoji pictures cannot be read (${reason}) and the package emoji-datasource-twitter 16 holds them, so run \`npm install emoji-datasource-twitter\``,
  ),
  data_option: message(
    'R0902',
    ({ option, value, expected }: { option: string; value: unknown; expected: string }) =>
      `the data option ${option} is ${String(value)} and must be ${expected}, so change it`,
  ),
  data_not_opened: message(
    'R0903',
    ({ name, reason }: { name: string; reason: string }) =>
      `the data ${name} cannot be opened (${reason}), so give emoji, emoji-pretrain, or a folder with images and a .jsonl file`,
  ),
  data_line: message(
    'R0904',
    ({ file, line, reason }: InFile & { line: number; reason: string }) =>
      `line ${line} of ${file} ${reason}, and {"image", "caption"}, {"image", "question", "answer"} or {"image", "conversations"} is expected, so correct the line`,
  ),
  image_outside_folder: message(
    'R0905',
    ({ file, line, image }: InFile & { line: number; image: string }) =>
      `line ${line} of ${file} names the image ${image}, which lies outside the data folder, so move the image into the folder`,
  ),
  data_image: message(
    'R0906',
    ({ file, line, image, reason }: InFile & { line: number; image: string; reason: string }) =>
      `the image ${image} of line ${line} of ${file} cannot be used: ${reason}; replace it, or give --on-bad-row skip`,
  ),
  empty_split: message(
    'R0907',
    ({ name, split, reason }: { name: string; split: string; reason: string }) =>
      `the ${split} split of ${name} has nothing to give (${reason}), so add records`,
  ),
  prompt_too_long: message(
    'R0908',
    ({ row, tokens, limit }: { row: number; tokens: number; limit: number }) =>
      `the prompt of row ${row} has ${tokens} tokens up to its last image token and at most ${limit} are kept, so shorten the text or raise the limit`,
  ),
  image_token_count: message(
    'R0909',
    ({ row, found, expected }: { row: number; found: number; expected: number }) =>
      `row ${row} has ${found} image tokens and its images have ${expected}, so write <ImageHere> once per image`,
  ),
} as const;
