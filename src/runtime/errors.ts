/**
 * Every error that the runtime shows to people: its code and its message. The long forms are in explanations.ts, which
 * pages need not load; catalogue.ts joins the two.
 *
 * The only place with messages. `runtimeError('header_not_json', {…})` makes one; the details a code needs are part of its
 * type. A message is one sentence in lower case that says what was found, where, what was expected and how to fix it.
 * Codes are stable: never reuse one.
 * Long because it is a table: R01 weights, R02 model and session, R03 generation, R04 images, R05 tokenizer,
 * R06 prompts, R07 initialisers, R08 training, R09 data, R10 WebGPU (webgpu/errors.ts), R110 targets, R112 recipes (recipe-errors.ts), R114 their data (data-errors.ts), R118 checkpoints of other formats (weights/errors.ts), R119 conversations and
 * judging while training (chat-errors.ts).
 */

import { CHAT_MESSAGES } from './chat-errors.ts';
import { DATA_MESSAGES } from './data-errors.ts';
import { type Message, message } from './message.ts';
import { RECIPE_MESSAGES } from './recipe-errors.ts';
import { WEBGPU_MESSAGES } from './webgpu/errors.ts';
import { CHECKPOINT_MESSAGES } from './weights/errors.ts';

type InFile = { readonly file: string };
type InTensor = { readonly file: string; readonly tensor: string };
type InEntry = { readonly entry: string };
type InAdapter = { readonly adapter: string };
type DimNeed = {
  readonly needs: string;
  readonly what: string;
  readonly source: string | undefined;
  readonly because: string;
};
type UnknownOption = { readonly name: string; readonly near: string | undefined; readonly known: readonly string[] };
type InPort = { readonly entry: string; readonly input: string };

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');
const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);

export const MESSAGES = {
  // R01: weights
  file_too_short: message(
    'R0101',
    ({ file, size }: InFile & { size: number }) =>
      `${file} has ${size} bytes and a safetensors file has at least 8 for the header's length, so fetch the file again`,
  ),
  header_length: message(
    'R0102',
    ({ file, length, limit }: InFile & { length: string; limit: number }) =>
      `the header of ${file} claims ${length} bytes and at most ${limit} are possible here, so the file is cut short or is not safetensors`,
  ),
  header_not_json: message(
    'R0103',
    ({ file, reason }: InFile & { reason: string }) =>
      `the header of ${file} is not a valid JSON object (${reason}), so export the file again with a safetensors writer`,
  ),
  header_key_twice: message(
    'R0104',
    ({ file, key }: InFile & { key: string }) =>
      `the header of ${file} has the key ${key} twice and each key must be unique, so export the file again`,
  ),
  header_entry: message(
    'R0105',
    ({ file, tensor, reason }: InTensor & { reason: string }) =>
      `the header entry of ${tensor} in ${file} ${reason}, and exactly dtype, shape and data_offsets are expected, so export the file again`,
  ),
  tensor_dtype_unread: message(
    'R0106',
    ({ file, tensor, dtype, known }: InTensor & { dtype: string; known: readonly string[] }) =>
      `${tensor} in ${file} has dtype ${dtype} and the runtime reads ${list(known)}, so convert the tensor to one of them`,
  ),
  tensor_bytes: message(
    'R0107',
    ({ file, tensor, found, expected }: InTensor & { found: number; expected: string }) =>
      `${tensor} in ${file} has ${found} bytes of data and its shape and dtype ask for ${expected}, so export the file again`,
  ),
  tensors_overlap: message(
    'R0108',
    ({ file, tensor, other, begin, end }: InTensor & { other: string; begin: number; end: number }) =>
      `${tensor} in ${file} starts at byte ${begin} and ${other} ends at byte ${end}, and tensors may not overlap, so export the file again`,
  ),
  hole_between_tensors: message(
    'R0109',
    ({ file, tensor, begin, end }: InTensor & { begin: number; end: number }) =>
      `${file} has bytes ${end} to ${begin} before ${tensor} that belong to no tensor, and the data may have no holes, so export the file again`,
  ),
  file_size: message(
    'R0110',
    ({ file, found, expected }: InFile & { found: number; expected: number }) =>
      `${file} has ${found} bytes and its header describes ${expected}, so fetch the file again`,
  ),
  unknown_tensor: message(
    'R0111',
    ({ file, tensor, near }: InTensor & { near: string | undefined }) =>
      `${file} has no tensor ${tensor}${suggestion(near)}; its \`tensors\` has the names`,
  ),
  metadata: message(
    'R0112',
    ({ file, reason }: InFile & { reason: string }) =>
      `the metadata of ${file} ${reason} and safetensors metadata maps text to text, so export the file again`,
  ),
  shard_outside_folder: message(
    'R0113',
    ({ file, shard }: InFile & { shard: string }) =>
      `${file} names the shard ${shard} and shards must lie in the directory of the index, so copy the shard there and correct the name`,
  ),
  tensor_not_in_shard: message(
    'R0114',
    ({ file, tensor, shard }: InTensor & { shard: string }) =>
      `${file} says that ${tensor} is in ${shard} and it is not there, so fetch the shard and the index of one and the same release`,
  ),
  tensor_in_two_files: message(
    'R0115',
    ({ tensor, file, other }: InTensor & { other: string }) =>
      `${tensor} is in ${other} and in ${file}, and each tensor must be in one file only, so remove one of the two files`,
  ),
  tensor_not_in_index: message(
    'R0116',
    ({ file, tensor, shard }: InTensor & { shard: string }) =>
      `${shard} holds ${tensor} and ${file} does not list it, so fetch the shard and the index of one and the same release`,
  ),
  index_form: message(
    'R0117',
    ({ file, reason }: InFile & { reason: string }) =>
      `the index ${file} ${reason}, and an object with a weight_map of tensor names to file names is expected`,
  ),
  weights_not_opened: message(
    'R0118',
    ({ file, reason }: InFile & { reason: string }) =>
      `${file} cannot be opened as weights because ${reason}; give a file of weights, an index or a directory with them`,
  ),
  written_tensor_bytes: message(
    'R0119',
    ({ file, tensor, found, expected }: InTensor & { found: number; expected: number }) =>
      `${tensor} for ${file} delivered ${found} bytes of data and its shape and dtype ask for ${expected}, so nothing was written`,
  ),
  reserved_tensor_name: message(
    'R0120',
    ({ tensor }: { tensor: string }) =>
      `a tensor cannot be named ${tensor}, which safetensors keeps for metadata, so rename it`,
  ),
  weights_not_read: message(
    'R0121',
    ({ file, offset, length, reason }: InFile & { offset: number; length: number; reason: string }) =>
      `${length} bytes at offset ${offset} of ${file} could not be read (${reason}), so check that the file is complete and reachable`,
  ),
  weights_not_written: message(
    'R0122',
    ({ file, reason }: InFile & { reason: string }) =>
      `${file} was not written (${reason}) and no partial file was left behind, so check the directory and its free space`,
  ),
  foreign_weights: message(
    'R0123',
    ({ file, what, fix }: InFile & { what: string; fix: string }) =>
      `${file} is ${what}, which is not read as weights here, so ${fix}`,
  ),

  // R02: model and session
  unknown_entry: message(
    'R0201',
    ({ entry, entries, near }: InEntry & { entries: readonly string[]; near: string | undefined }) =>
      `the model has no entry ${entry}${suggestion(near)}; it has ${list(entries)}`,
  ),
  manifest: message(
    'R0202',
    ({ file, reason }: InFile & { reason: string }) =>
      `the manifest ${file} ${reason}, so compile the model again with this version of mdl`,
  ),
  model_not_found: message(
    'R0203',
    ({ file, reason }: InFile & { reason: string }) =>
      `no compiled model could be opened at ${file} (${reason}); give the directory that \`mdl compile\` wrote`,
  ),
  weights_file_size: message(
    'R0204',
    ({ file, found, expected }: InFile & { found: string; expected: number }) =>
      `the weights file ${file} has ${found} and the manifest expects ${expected} bytes, so compile again or copy the file completely`,
  ),
  no_weights: message(
    'R0205',
    ({ entry, reason }: InEntry & { reason: string }) =>
      `${entry} was compiled without weights and cannot run (${reason}); compile it with \`--weights <checkpoint>\` or \`--init <seed>\``,
  ),
  entry_not_loaded: message(
    'R0206',
    ({ entry, backend, reason }: InEntry & { backend: string; reason: string }) =>
      `${backend} cannot load ${entry} (${reason}); compile the model again, or choose another backend`,
  ),
  missing_input: message(
    'R0207',
    ({ entry, input, shape }: InPort & { shape: string }) =>
      `${entry} needs the input ${input} ${shape} and it was not given, so add it`,
  ),
  unknown_input: message(
    'R0208',
    ({ entry, input, near, inputs }: InPort & { near: string | undefined; inputs: readonly string[] }) =>
      `${entry} has no input ${input}${suggestion(near)}; it takes ${list(inputs)}`,
  ),
  input_dtype: message(
    'R0209',
    ({ entry, input, found, expected }: InPort & { found: string; expected: string }) =>
      `the input ${input} of ${entry} is ${found} and must be ${expected}, so convert it`,
  ),
  input_shape: message(
    'R0210',
    ({ entry, input, found, expected }: InPort & { found: string; expected: string }) =>
      `the input ${input} of ${entry} has ${found} and ${expected} is expected, so reshape it`,
  ),
  dim_conflict: message(
    'R0211',
    ({
      entry,
      input,
      axis,
      dim,
      found,
      expected,
      because,
    }: InPort & { axis: number; dim: string; found: number; expected: number; because: string }) =>
      `axis ${axis} of ${input} of ${entry} is ${found} and ${dim} is ${expected} (${because}), so make the two agree`,
  ),
  bad_output: message(
    'R0212',
    ({ entry, output, reason }: InEntry & { output: string; reason: string }) =>
      `the backend returned ${output} of ${entry} ${reason}, so compile the model again`,
  ),
  unknown_output: message(
    'R0213',
    ({
      entry,
      output,
      near,
      outputs,
    }: InEntry & { output: string; near: string | undefined; outputs: readonly string[] }) =>
      `${entry} has no output ${output}${suggestion(near)}; it gives ${list(outputs)}`,
  ),
  session_disposed: message(
    'R0214',
    ({ model }: { model: string }) => `the session of ${model} has been disposed of and cannot run, so open a new one`,
  ),
  run_failed: message(
    'R0215',
    ({ entry, backend, reason }: InEntry & { backend: string; reason: string }) =>
      `${backend} failed while running ${entry} (${reason}); check indices and sizes of the inputs`,
  ),
  backend_unavailable: message(
    'R0216',
    ({ backend, reason, known }: { backend: string; reason: string; known: readonly string[] }) =>
      `the backend ${backend} is not available here (${reason}); choose one of ${list(known)}`,
  ),
  unknown_adapter: message(
    'R0217',
    ({ adapter, near, adapters }: InAdapter & { near: string | undefined; adapters: readonly string[] }) =>
      `the session has no adapter ${adapter}${suggestion(near)}; it has ${list(adapters)}, so add it with addAdapter first`,
  ),
  adapters_not_swappable: message(
    'R0218',
    ({ model }: { model: string }) =>
      `${model} was compiled without inputs for adapters and cannot swap them, so compile it with --swap-adapters`,
  ),
  adapter_not_read: message(
    'R0219',
    ({ adapter, reason }: InAdapter & { reason: string }) =>
      `the adapter ${adapter} cannot be read (${reason}), so give a folder with adapter_config.json and adapter_model.safetensors`,
  ),
  adapter_setting: message(
    'R0220',
    ({ adapter, what, found, expected }: InAdapter & { what: string; found: string; expected: string }) =>
      `the adapter ${adapter} has ${what} ${found} and the model was compiled with ${expected}, so compile the model with the adapter's settings or train the adapter with the model's`,
  ),
  adapter_misfit: message(
    'R0221',
    ({ adapter, problems }: InAdapter & { problems: readonly string[] }) =>
      `the adapter ${adapter} does not fit the model in ${problems.length} of its tensors, so train it on this model: ${problems.join('; ')}`,
  ),
  input_range: message(
    'R0222',
    ({
      entry,
      input,
      place,
      found,
      low,
      high,
      also,
    }: InPort & {
      place: readonly number[];
      found: string;
      low: number;
      high: number;
      also: readonly number[];
    }) =>
      `the input ${input} of ${entry} holds ${found} at [${place.join(', ')}], and integers from ${low} to ${high - 1}${also.map((x) => ` or ${x}`).join('')} are expected, so check what made it`,
  ),
  size_requirement: message(
    'R0223',
    ({ entry, needs, what, source, because }: InEntry & DimNeed) =>
      `${entry} needs ${needs} for ${what}${source === undefined ? '' : ` at ${source}`} and ${because}, so give inputs of other sizes`,
  ),
  computed_index_range: message(
    'R0224',
    ({
      entry,
      op,
      source,
      found,
      size,
    }: InEntry & { op: string; source: string | undefined; found: string | undefined; size: number }) =>
      `${entry} computed ${found === undefined ? 'an index outside of its table' : `the index ${found}`} for ${op}${source === undefined ? '' : ` at ${source}`} and ${size === 0 ? 'its table is empty' : `integers from 0 to ${size - 1} are expected`}, so check what makes it`,
  ),

  library_missing: message(
    'R0235',
    ({ library, reason }: { library: string; reason: string }) =>
      `the backend onnx needs the package ${library}, which cannot be loaded here (${reason}), so install it: npm install ${library}`,
  ),
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
      `${model} has no ${what}, which generation needs, so compile a model with the entries embed_tokens and decode`,
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
  unknown_tokenizer_option: message(
    'R0510',
    ({ call, name, near, known }: UnknownOption & { call: string }) =>
      `${call} has no option ${name}${suggestion(near)}; the options are ${list(known)}`,
  ),
  token_id_form: message(
    'R0511',
    ({ at, value }: { at: number; value: string }) =>
      `the token id at place ${at} is ${value} and must be an integer, so give ids as numbers or as an array of integers`,
  ),

  // R06: prompts
  image_slots: message(
    'R0601',
    ({ slots, images }: { slots: number; images: number }) =>
      `the prompt has ${slots} places <ImageHere> and ${images} images were given, so make the two agree`,
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
      `${what} is not finite at step ${step} of ${stage}${where === undefined ? '' : `, first in ${where}`}, so nothing was updated; lower the learning rate, clip the gradient, or check that operation`,
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
    ({ file }: InFile) => `there is no checkpoint to resume from in ${file}, so start the run without --resume`,
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

  // R10: WebGPU
  ...WEBGPU_MESSAGES,
  // R110: targets
  entry_of_other_target: message(
    'R1100',
    ({ entry, target, others }: InEntry & { target: string; others: readonly string[] }) =>
      `the entry ${entry} was compiled for ${list(others)} and not for ${target}: compile it with --target ${target} into the same folder`,
  ),
  ...RECIPE_MESSAGES,
  ...DATA_MESSAGES,
  ...CHECKPOINT_MESSAGES,
  ...CHAT_MESSAGES,
} as const;

export type RuntimeErrorName = keyof typeof MESSAGES;
export type RuntimeErrorCode = (typeof MESSAGES)[RuntimeErrorName]['code'];
type DetailsOf<N extends RuntimeErrorName> = Parameters<(typeof MESSAGES)[N]['text']>[0];

/** An error with a stable code; `message` is for people, `code` for programs and `mdl explain`. */
export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeError';
    this.code = code;
  }
}

/** The error of that name. `cause` keeps the error of a library that led to it. */
export function runtimeError<N extends RuntimeErrorName>(
  name: N,
  details: DetailsOf<N>,
  cause?: unknown,
): RuntimeError {
  // a union of records cannot be called with a union of arguments; `details` is checked against the name above
  const { code, text } = MESSAGES[name] as unknown as Message<RuntimeErrorCode, DetailsOf<N>>;
  return new RuntimeError(code, text(details), cause === undefined ? undefined : { cause });
}

/**
 * What went wrong, from anything that was thrown; of the operating system's errors the words only (`no such file or
 * directory`), since the messages name the file themselves.
 */
export function reasonOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return /^E[A-Z0-9]+: ([^\n]+?), [a-z]+( '[^\n]*')?$/.exec(text)?.[1] ?? text;
}
