/** The codes R03 to R06: generation, images, tokenizers and prompts. */
import { INPUT_MESSAGES } from '../input-errors.ts';
import { message } from '../message.ts';

type UnknownOption = { readonly name: string; readonly near: string | undefined; readonly known: readonly string[] };
const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');
const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);

export const GENERATION_MESSAGES = {
  // R03: generation
  generation_option: message(
    'R0301',
    ({ option, value, expected }: { option: string; value: unknown; expected: string }) =>
      `the option ${option} is ${String(value)} and must be ${expected}, so change it`,
  ),
  prompt_form: message(
    'R0302',
    ({ row, reason }: { row: number; reason: string }) =>
      `prompt ${row} ${reason}, so give one row of token ids or embeddings per prompt`,
  ),
  not_generative: message(
    'R0303',
    ({ model, what }: { model: string; what: string }) =>
      `${model} has no ${what}, which generation needs: compile embed_tokens and decode`,
  ),
  generation_stopped: message(
    'R0304',
    ({ tokens, reason }: { tokens: number; reason: string }) =>
      `generation was stopped after ${tokens} tokens by its signal (${reason})`,
  ),
  logits_not_finite: message(
    'R0305',
    ({ row, step }: { row: number; step: number }) =>
      `the logits of row ${row} are not numbers at token ${step}, so check the weights for NaN and infinity`,
  ),
  too_many_positions: message(
    'R0306',
    ({ prompt, wanted, positions }: { prompt: number; wanted: number; positions: number }) =>
      `the prompt has ${prompt} tokens and ${wanted} new ones may follow, and the model has ${positions} positions, so shorten the prompt or allow fewer new tokens`,
  ),
  unknown_generation_option: message(
    'R0307',
    ({ name, near, known }: UnknownOption) =>
      `generation has no option ${name}${suggestion(near)}; the options are ${list(known)}`,
  ),
  beams_memory: message(
    'R0308',
    ({ beams, prompts, needed, limit }: { beams: number; prompts: number; needed: number; limit: number }) =>
      `num_beams is ${beams} with ${prompts} ${prompts === 1 ? 'prompt' : 'prompts'}, whose cache and logits would take ${(needed / 2 ** 30).toFixed(1)} GiB of at most ${limit / 2 ** 30}, so ask for fewer beams or fewer prompts at a time`,
  ),
  stream_of_one_prompt: message(
    'R0309',
    ({ prompts }: { prompts: number }) =>
      `streamText gives the text of one prompt and ${prompts} were given, so use generateStream with a StreamDecoder for each row`,
  ),
  // R04: images
  image_format: message(
    'R0401',
    ({ found }: { found: string }) => `the image is ${found} and PNG, JPEG or WebP is expected, so convert it`,
  ),
  image_too_large: message(
    'R0402',
    ({ width, height, limit }: { width: number; height: number; limit: number }) =>
      `the image has ${width} × ${height} pixels and at most ${limit} are read, so make it smaller first, or allow more with max_pixels`,
  ),
  image_damaged: message(
    'R0403',
    ({ format, reason }: { format: string; reason: string }) =>
      `the ${format} is damaged (${reason}), so save or fetch it again`,
  ),
  image_feature: message(
    'R0404',
    ({ found, fix }: { found: string; fix: string }) => `the image is ${found}, which is not read, so ${fix}`,
  ),
  image_size: message(
    'R0405',
    ({ size }: { size: string }) => `the image size ${size} is not possible, so give sides from 1 to 8192 pixels`,
  ),
  image_config: message(
    'R0406',
    ({ name, value, expected }: { name: string; value: string; expected: string }) =>
      `image.${name} of the model's config is ${value} and ${expected} is expected, so correct it and compile again`,
  ),
  image_option: message(
    'R0407',
    ({ option, value, expected }: { option: string; value: string; expected: string }) =>
      `the option ${option} of an image is ${value} and must be ${expected}, so change it`,
  ),
  decoder_not_loaded: message(
    'R0408',
    ({ format }: { format: string }) =>
      `the decoder of ${format} is not loaded in this page yet, so await loadImageDecoders() before the image is decoded`,
  ),
  decoder_loading_failed: message(
    'R0409',
    ({ format, reason }: { format: string; reason: string }) =>
      `the decoder of ${format} could not be loaded (${reason}); allow 'wasm-unsafe-eval' in the page's Content-Security-Policy and serve the chunks of mdl-compiler, or convert the image to PNG`,
  ),
  unknown_image_option: message(
    'R0410',
    ({ name, near, known }: UnknownOption) =>
      `an image has no option ${name}${suggestion(near)}; the options are ${list(known)}`,
  ),
  image_config_typo: message(
    'R0411',
    ({ name, near }: { name: string; near: string }) =>
      `image.${name} of the model's config is not read, did you mean image.${near}; rename it and compile again`,
  ),
  // R05: tokenizer
  tokenizer_not_read: message(
    'R0501',
    ({ reason }: { reason: string }) =>
      `the tokenizer cannot be read (${reason}), so give a tokenizer.json of HF tokenizers`,
  ),
  unknown_token_id: message(
    'R0502',
    ({ id, size }: { id: number; size: number }) =>
      `the token ${id} is not in the vocabulary of ${size} entries, so use the tokenizer that the model was trained with`,
  ),
  vocabulary_too_large: message(
    'R0503',
    ({ found, wanted }: { found: number; wanted: number }) =>
      `the texts yield ${found} tokens and ${wanted} are wanted, so add text or ask for a smaller vocabulary`,
  ),
  tokenizer_type: message(
    'R0504',
    ({ path, type, known }: { path: string; type: string; known: readonly string[] }) =>
      `${path} in the tokenizer is of the type ${type}, which is not read; the types are ${list(known)}`,
  ),
  tokenizer_value: message(
    'R0505',
    ({ path, value, expected }: { path: string; value: string; expected: string }) =>
      `${path} in the tokenizer is ${value} and must be ${expected}, so correct the file or use another tokenizer`,
  ),
  tokenizer_field: message(
    'R0506',
    ({ path, name, near, known }: { path: string; name: string; near: string | undefined; known: readonly string[] }) =>
      `${path === '' ? 'the tokenizer' : `${path} in the tokenizer`} has a field ${name}, which is not read${suggestion(near)}; the fields are ${list(known)}`,
  ),
  tokenizer_pattern: message(
    'R0507',
    ({ path, pattern, reason }: { path: string; pattern: string; reason: string }) =>
      `${path} in the tokenizer is a regular expression that is not read (it has ${reason}): ${pattern}`,
  ),
  text_not_encodable: message(
    'R0508',
    ({ text }: { text: string }) =>
      `the tokenizer cannot write ${JSON.stringify(text)}: its vocabulary lacks it and has no token for what is unknown, so use a tokenizer that has one`,
  ),
  tokenizer_contradiction: message(
    'R0509',
    ({ reason }: { reason: string }) =>
      `the tokenizer contradicts itself: ${reason}; take the file from one and the same release`,
  ),
  unknown_option: message(
    'R0510',
    ({ call, name, near, known }: UnknownOption & { call: string }) =>
      `${call} has no option ${name}${suggestion(near)}; the options are ${list(known)}`,
  ),
  token_id_form: message(
    'R0511',
    ({ at, value }: { at: number; value: string }) =>
      `the token id at place ${at} is ${value} and must be an integer, so give ids as numbers or as an array of integers`,
  ),
  argument_form: message(
    'R0512',
    ({ call, argument, found, expected }: { call: string; argument: string; found: string; expected: string }) =>
      `${call} was given ${found} as ${argument}, and ${expected} is expected: give that`,
  ),
  // R053: files that are given for inputs
  ...INPUT_MESSAGES,
  // R054: questions about pictures
  question_part_unused: message(
    'R0540',
    ({ part, model }: { part: string; model: string }) => `the prompts of ${model} take no ${part}: leave it out`,
  ),
  pictures_not_made: message(
    'R0541',
    ({ data, settings }: { data: string; settings: readonly string[] }) =>
      `${data} is not prepared as this model's recipe says (${list(settings)}): such models answer questions and are not trained or judged by this recipe`,
  ),
  // R06: prompts
  image_slots: message(
    'R0601',
    ({ slots, images, placeholder }: { slots: number; images: number; placeholder: string }) =>
      `the prompt has ${slots} places ${placeholder} and ${images} images were given, so make the two agree`,
  ),
  image_token_places: message(
    'R0602',
    ({ places, tokens }: { places: number; tokens: number }) =>
      `the ids have ${places} places for image tokens and the images have ${tokens} tokens, so repeat -1 once per image token`,
  ),
  unknown_template: message(
    'R0603',
    ({ name, known, near }: { name: string; known: readonly string[]; near: string | undefined }) =>
      `there is no prompt template ${name}${suggestion(near)}; the names are ${list(known)}`,
  ),
  image_token_width: message(
    'R0604',
    ({ found, expected }: { found: number; expected: number }) =>
      `the image tokens have width ${found} and the embedded text ${expected}, so take both from one model`,
  ),
} as const;

/** The prompts of generate(): R128. */
export const PROMPT_MESSAGES = {
  unknown_prompt: message(
    'R1280',
    ({ call, name, near }: { call: string; name: string | undefined; near: string | undefined }) =>
      `${call} was given ${name === undefined ? 'no prompts' : `prompts as ${name}`}${suggestion(near)}; give token ids as input_ids, or embeds`,
  ),
} as const;
