/**
 * Every error that the runtime shows to people: its code, its message and its long form.
 *
 * The only place with messages. `runtimeError('R0103', {…})` makes one; the details a code needs are part of its
 * type. `mdl explain R0103` and the docs print `explanation`. A message is one sentence in lower case that says
 * what was found, where, what was expected and how to fix it. Codes are stable: never reuse one.
 * Long because it is a table: R01 weights, R02 model and session, R03 generation, R04 images, R05 tokenizer,
 * R06 prompts, R07 initialisers, R08 training, R09 data.
 */

interface Entry<D> {
  readonly message: (details: D) => string;
  readonly explanation: string;
}

function entry<D>(message: (details: D) => string, explanation: string): Entry<D> {
  return { message, explanation };
}

type InFile = { readonly file: string };
type InTensor = { readonly file: string; readonly tensor: string };
type InEntry = { readonly entry: string };
type InAdapter = { readonly adapter: string };
type InPort = { readonly entry: string; readonly input: string };

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');
const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);

export const CATALOGUE = {
  // R01: weights
  R0101: entry(
    ({ file, size }: InFile & { size: number }) =>
      `${file} has ${size} bytes and a safetensors file has at least 8 for the header's length, so fetch the file again`,
    'A safetensors file starts with the length of its header as a 64-bit little-endian number. The file is shorter than that number, usually because a download was interrupted.',
  ),
  R0102: entry(
    ({ file, length, limit }: InFile & { length: string; limit: number }) =>
      `the header of ${file} claims ${length} bytes and at most ${limit} are possible here, so the file is cut short or is not safetensors`,
    'The header must fit in the file and may have at most 100,000,000 bytes. A much larger number means that the file is of another format (a pickle, a Git LFS pointer, an HTML page) or was cut short.',
  ),
  R0103: entry(
    ({ file, reason }: InFile & { reason: string }) =>
      `the header of ${file} is not a valid JSON object (${reason}), so export the file again with a safetensors writer`,
    'The header of a safetensors file is one JSON object in UTF-8 that starts right after the length. It maps tensor names to {dtype, shape, data_offsets}.',
  ),
  R0104: entry(
    ({ file, key }: InFile & { key: string }) =>
      `the header of ${file} has the key ${key} twice and each key must be unique, so export the file again`,
    'JSON readers silently keep one of two equal keys, so that two programs may read different weights from one file. The runtime refuses such files.',
  ),
  R0105: entry(
    ({ file, tensor, reason }: InTensor & { reason: string }) =>
      `the header entry of ${tensor} in ${file} ${reason}, and exactly dtype, shape and data_offsets are expected, so export the file again`,
    'Each tensor is described by a dtype (text), a shape (integers of at least 0) and data_offsets (two integers, begin ≤ end, in bytes from the end of the header), and nothing else.',
  ),
  R0106: entry(
    ({ file, tensor, dtype, known }: InTensor & { dtype: string; known: readonly string[] }) =>
      `${tensor} in ${file} has dtype ${dtype} and the runtime reads ${list(known)}, so convert the tensor to one of them`,
    'The runtime does not read every dtype that safetensors can hold (8-bit floats for example).',
  ),
  R0107: entry(
    ({ file, tensor, found, expected }: InTensor & { found: number; expected: string }) =>
      `${tensor} in ${file} has ${found} bytes of data and its shape and dtype ask for ${expected}, so export the file again`,
    'The product of the shape times the bytes of one element must be the length of the data. A product past 2^53 is refused too.',
  ),
  R0108: entry(
    ({ file, tensor, other, begin, end }: InTensor & { other: string; begin: number; end: number }) =>
      `${tensor} in ${file} starts at byte ${begin} and ${other} ends at byte ${end}, and tensors may not overlap, so export the file again`,
    'No two tensors may share bytes: tied weights are stored once, under one name.',
  ),
  R0109: entry(
    ({ file, tensor, begin, end }: InTensor & { begin: number; end: number }) =>
      `${file} has bytes ${end} to ${begin} before ${tensor} that belong to no tensor, and the data may have no holes, so export the file again`,
    'The data of a safetensors file is covered by tensors from its first byte to its last. Holes could hide anything and are refused.',
  ),
  R0110: entry(
    ({ file, found, expected }: InFile & { found: number; expected: number }) =>
      `${file} has ${found} bytes and its header describes ${expected}, so fetch the file again`,
    'The last tensor must end at the end of the file. A shorter file was cut short, a longer one has bytes appended to it.',
  ),
  R0111: entry(
    ({ file, tensor, near }: InTensor & { near: string | undefined }) =>
      `${file} has no tensor ${tensor}${suggestion(near)}; list its names with \`mdl weights ${file}\``,
    'The name does not occur in the file. Names are checkpoint keys: compare prefixes (`llama_model.base_model.model.` exists only with LoRA).',
  ),
  R0112: entry(
    ({ file, reason }: InFile & { reason: string }) =>
      `the metadata of ${file} ${reason} and safetensors metadata maps text to text, so export the file again`,
    'The optional key __metadata__ holds an object whose values are all strings.',
  ),
  R0113: entry(
    ({ file, shard }: InFile & { shard: string }) =>
      `${file} names the shard ${shard} and shards must lie in the directory of the index, so copy the shard there and correct the name`,
    'An index may only name files inside its own directory: no absolute paths, no `..`, no symbolic link that leads out. Else a downloaded checkpoint could make the runtime read any file of the machine.',
  ),
  R0114: entry(
    ({ file, tensor, shard }: InTensor & { shard: string }) =>
      `${file} says that ${tensor} is in ${shard} and it is not there, so fetch the shard and the index of one and the same release`,
    'The index and the shards disagree, usually because they come from two versions of the checkpoint.',
  ),
  R0115: entry(
    ({ tensor, file, other }: InTensor & { other: string }) =>
      `${tensor} is in ${other} and in ${file}, and each tensor must be in one file only, so remove one of the two files`,
    'When a checkpoint has several files, a tensor found twice could mean either of two values. The runtime does not choose.',
  ),
  R0116: entry(
    ({ file, tensor, shard }: InTensor & { shard: string }) =>
      `${shard} holds ${tensor} and ${file} does not list it, so fetch the shard and the index of one and the same release`,
    'A tensor that the index does not list would be dropped silently.',
  ),
  R0117: entry(
    ({ file, reason }: InFile & { reason: string }) =>
      `the index ${file} ${reason}, and an object with a weight_map of tensor names to file names is expected`,
    'model.safetensors.index.json is a JSON object whose weight_map gives the shard of each tensor.',
  ),
  R0118: entry(
    ({ file, reason }: InFile & { reason: string }) =>
      `${file} cannot be opened as weights because ${reason}; give a .safetensors file, an index or a directory with them`,
    'The path must be a .safetensors file, a model.safetensors.index.json, or a directory that holds one of them.',
  ),
  R0119: entry(
    ({ file, tensor, found, expected }: InTensor & { found: number; expected: number }) =>
      `${tensor} for ${file} delivered ${found} bytes of data and its shape and dtype ask for ${expected}, so nothing was written`,
    'The writer knows the length of each tensor before it writes the header. The data that was given does not have that length.',
  ),
  R0120: entry(
    ({ tensor }: { tensor: string }) =>
      `a tensor cannot be named ${tensor}, which safetensors keeps for metadata, so rename it`,
    'The name __metadata__ is reserved by the format.',
  ),
  R0121: entry(
    ({ file, offset, length, reason }: InFile & { offset: number; length: number; reason: string }) =>
      `${length} bytes at offset ${offset} of ${file} could not be read (${reason}), so check that the file is complete and reachable`,
    'A read came back short or failed: the file changed while it was open, or the server does not answer range requests.',
  ),
  R0122: entry(
    ({ file, reason }: InFile & { reason: string }) =>
      `${file} was not written (${reason}) and no partial file was left behind, so check the directory and its free space`,
    'Weights are written under a temporary name beside the target, flushed and renamed. Something on that way failed; an older file of that name is untouched.',
  ),

  // R02: model and session
  R0201: entry(
    ({ entry, entries, near }: InEntry & { entries: readonly string[]; near: string | undefined }) =>
      `the model has no entry ${entry}${suggestion(near)}; it has ${list(entries)}`,
    'A compiled model has several named graphs, its entries. The manifest lists them.',
  ),
  R0202: entry(
    ({ file, reason }: InFile & { reason: string }) =>
      `the manifest ${file} ${reason}, so compile the model again with this version of mdl`,
    'manifest.json is written by the compiler beside the .onnx files and says which entries, ports and files there are.',
  ),
  R0203: entry(
    ({ file, reason }: InFile & { reason: string }) =>
      `no compiled model could be opened at ${file} (${reason}); give the directory that \`mdl compile\` wrote`,
    'The runtime opens the output directory of the compiler, or the manifest.json in it.',
  ),
  R0204: entry(
    ({ file, found, expected }: InFile & { found: string; expected: number }) =>
      `the weights file ${file} has ${found} and the manifest expects ${expected} bytes, so compile again or copy the file completely`,
    'The weights were moved, cut short, or belong to another compilation.',
  ),
  R0205: entry(
    ({ entry, reason }: InEntry & { reason: string }) =>
      `${entry} was compiled without weights and cannot run (${reason}); compile it with \`--weights <checkpoint>\` or \`--init <seed>\``,
    'The graph refers to weights that were never written.',
  ),
  R0206: entry(
    ({ entry, backend, reason }: InEntry & { backend: string; reason: string }) =>
      `${backend} cannot load ${entry} (${reason}); compile the model again, or choose another backend`,
    'The backend refused the graph: a file is damaged or missing, or an operator is not supported there.',
  ),
  R0207: entry(
    ({ entry, input, shape }: InPort & { shape: string }) =>
      `${entry} needs the input ${input} ${shape} and it was not given, so add it`,
    'All inputs are needed, except the key/value cache, which is empty when it is absent.',
  ),
  R0208: entry(
    ({ entry, input, near, inputs }: InPort & { near: string | undefined; inputs: readonly string[] }) =>
      `${entry} has no input ${input}${suggestion(near)}; it takes ${list(inputs)}`,
    'The name of a tensor that was given is not an input of the entry.',
  ),
  R0209: entry(
    ({ entry, input, found, expected }: InPort & { found: string; expected: string }) =>
      `the input ${input} of ${entry} is ${found} and must be ${expected}, so convert it`,
    'f32 is a Float32Array, i64 a BigInt64Array (an Int32Array is widened), bool a Uint8Array of zeros and ones.',
  ),
  R0210: entry(
    ({ entry, input, found, expected }: InPort & { found: string; expected: string }) =>
      `the input ${input} of ${entry} has ${found} and ${expected} is expected, so reshape it`,
    'Rank and static dimensions of an input are fixed when the model is compiled, and the data must fill the shape.',
  ),
  R0211: entry(
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
    'Dimensions of the same name must have the same size in all inputs of one run.',
  ),
  R0212: entry(
    ({ entry, output, reason }: InEntry & { output: string; reason: string }) =>
      `the backend returned ${output} of ${entry} ${reason}, so compile the model again`,
    'The graph and the manifest disagree about an output; they come from two compilations.',
  ),
  R0213: entry(
    ({
      entry,
      output,
      near,
      outputs,
    }: InEntry & { output: string; near: string | undefined; outputs: readonly string[] }) =>
      `${entry} has no output ${output}${suggestion(near)}; it gives ${list(outputs)}`,
    'Only outputs that the manifest lists can be asked for.',
  ),
  R0214: entry(
    ({ model }: { model: string }) => `the session of ${model} has been disposed of and cannot run, so open a new one`,
    'After dispose() the memory of the model has been freed.',
  ),
  R0215: entry(
    ({ entry, backend, reason }: InEntry & { backend: string; reason: string }) =>
      `${backend} failed while running ${entry} (${reason}); check indices and sizes of the inputs`,
    'The inputs have the right shapes and the backend still failed: a token id outside the vocabulary, a position past the end of the rotary table, or too little memory.',
  ),
  R0216: entry(
    ({ backend, reason, known }: { backend: string; reason: string; known: readonly string[] }) =>
      `the backend ${backend} is not available here (${reason}); choose one of ${list(known)}`,
    'Not every backend exists on every machine.',
  ),
  R0217: entry(
    ({ adapter, near, adapters }: InAdapter & { near: string | undefined; adapters: readonly string[] }) =>
      `the session has no adapter ${adapter}${suggestion(near)}; it has ${list(adapters)}, so add it with addAdapter first`,
    'setAdapter() chooses among the adapters that the compiled folder came with (`default`) and those that addAdapter() has read.',
  ),
  R0218: entry(
    ({ model }: { model: string }) =>
      `${model} was compiled without inputs for adapters and cannot swap them, so compile it with --swap-adapters`,
    'Adapters are part of the weights of a compiled model, unless `mdl compile --swap-adapters` made their parameters inputs of the graphs.',
  ),
  R0219: entry(
    ({ adapter, reason }: InAdapter & { reason: string }) =>
      `the adapter ${adapter} cannot be read (${reason}), so give a folder with adapter_config.json and adapter_model.safetensors`,
    "An adapter is a folder in PEFT's format, as `mdl train --save-adapter` and PEFT's save_pretrained write it: adapter_config.json and adapter_model.safetensors. A page gives its URL; both take the bytes of the two files instead.",
  ),
  R0220: entry(
    ({ adapter, what, found, expected }: InAdapter & { what: string; found: string; expected: string }) =>
      `the adapter ${adapter} has ${what} ${found} and the model was compiled with ${expected}, so compile the model with the adapter's settings or train the adapter with the model's`,
    'The rank r is a shape of the compiled graphs and alpha / r a constant in them, so all adapters of one compiled model have the same. Variants that compute something else (DoRA, ranks or alphas by layer) do not fit.',
  ),
  R0221: entry(
    ({ adapter, problems }: InAdapter & { problems: readonly string[] }) =>
      `the adapter ${adapter} does not fit the model in ${problems.length} of its tensors, so train it on this model: ${problems.join('; ')}`,
    'An adapter has a lora_A and a lora_B for each adapted module of the model, of the shapes that the model has, finite, and nothing else. All that is missing, unexpected or of another shape is listed.',
  ),
  R0222: entry(
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
    'Token ids, positions and classes are looked up in tables of the model. An id outside the vocabulary usually comes from a tokenizer of another model, a position past the end from a sequence longer than the model was made for.',
  ),

  // R03: generation
  R0301: entry(
    ({ option, value, expected }: { option: string; value: unknown; expected: string }) =>
      `the option ${option} is ${String(value)} and must be ${expected}, so change it`,
    'An option of generate() is outside its range, or has no effect together with the others: temperature, top_k and top_p need do_sample.',
  ),
  R0302: entry(
    ({ row, reason }: { row: number; reason: string }) =>
      `prompt ${row} ${reason}, so give one row of token ids or embeddings per prompt`,
    'A prompt needs at least one token, and all prompts of a batch have embeddings of the same width.',
  ),
  R0303: entry(
    ({ model, what }: { model: string; what: string }) =>
      `${model} has no ${what}, which generation needs, so compile a model with the entries embed_tokens and decode`,
    'Generation runs `embed_tokens` (input_ids to inputs_embeds) and `decode` (inputs_embeds, attention_mask, position_ids and the cache to logits and the new cache).',
  ),
  R0304: entry(
    ({ tokens, reason }: { tokens: number; reason: string }) =>
      `generation was stopped after ${tokens} tokens by its signal (${reason})`,
    'The AbortSignal that was given to generate() was aborted. The reason is the cause of this error.',
  ),
  R0305: entry(
    ({ row, step }: { row: number; step: number }) =>
      `the logits of row ${row} are not numbers at token ${step}, so check the weights for NaN and infinity`,
    'A model that yields NaN was trained to divergence, loaded wrongly, or overflowed in low precision.',
  ),
  R0306: entry(
    ({ prompt, wanted, positions }: { prompt: number; wanted: number; positions: number }) =>
      `the prompt has ${prompt} tokens and ${wanted} new ones may follow, and the model has ${positions} positions, so shorten the prompt or allow fewer new tokens`,
    'A model with a table of positions (`max_position_embeddings`) cannot place tokens past its end.',
  ),

  // R04: images
  R0401: entry(
    ({ found }: { found: string }) => `the image is ${found} and PNG or JPEG is expected, so convert it`,
    'The first bytes of the file say what it is, whatever its name. The runtime reads PNG and JPEG.',
  ),
  R0402: entry(
    ({ width, height, limit }: { width: number; height: number; limit: number }) =>
      `the image has ${width} × ${height} pixels and at most ${limit} are read, so make it smaller first`,
    'A small file can claim to be a gigantic image. The size is checked before memory is allocated for it.',
  ),
  R0403: entry(
    ({ format, reason }: { format: string; reason: string }) =>
      `the ${format} is damaged (${reason}), so save or fetch it again`,
    'The file begins like an image of this format and then breaks its rules, usually because it was cut short.',
  ),
  R0404: entry(
    ({ found }: { found: string }) =>
      `the image is an ${found}, which is not read, so save it again without interlacing`,
    'Interlaced PNGs are read with 8 or 16 bits per sample only.',
  ),
  R0405: entry(
    ({ size }: { size: string }) => `the image size ${size} is not possible, so give sides from 1 to 8192 pixels`,
    'The size that images are resized to before they enter the model: 224 or 448 for TinyGPT-V.',
  ),

  // R05: tokenizer
  R0501: entry(
    ({ reason }: { reason: string }) =>
      `the tokenizer cannot be read (${reason}), so give a tokenizer.json of HF tokenizers`,
    'A tokenizer.json describes normaliser, pre-tokenizer, model and decoder. vocab.json with merges.txt is an older format; convert it with HF tokenizers.',
  ),
  R0502: entry(
    ({ id, size }: { id: number; size: number }) =>
      `the token ${id} is not in the vocabulary of ${size} entries, so use the tokenizer that the model was trained with`,
    'Phi-2 has 51,200 rows of logits and a vocabulary of 50,295 entries: the last rows belong to no token and should never be chosen by a trained model.',
  ),
  R0503: entry(
    ({ found, wanted }: { found: number; wanted: number }) =>
      `the texts yield ${found} tokens and ${wanted} are wanted, so add text or ask for a smaller vocabulary`,
    'The trainer merges pairs of tokens until the vocabulary is full; short texts run out of pairs. The smallest vocabulary has 257 entries.',
  ),

  // R06: prompts
  R0601: entry(
    ({ slots, images }: { slots: number; images: number }) =>
      `the prompt has ${slots} places <ImageHere> and ${images} images were given, so make the two agree`,
    'Each image stands in the prompt as <Img><ImageHere></Img>, in the order in which the images are given.',
  ),
  R0602: entry(
    ({ places, tokens }: { places: number; tokens: number }) =>
      `the ids have ${places} places for image tokens and the images have ${tokens} tokens, so repeat -1 once per image token`,
    'An image takes num_query_tokens places (32 in TinyGPT-V), each marked by the id -1.',
  ),
  R0603: entry(
    ({ name, known, near }: { name: string; known: readonly string[]; near: string | undefined }) =>
      `there is no prompt template ${name}${suggestion(near)}; the names are ${list(known)}`,
    'Templates are chosen by name, because training, demo and evaluation of the released model use different ones.',
  ),
  R0604: entry(
    ({ found, expected }: { found: number; expected: number }) =>
      `the image tokens have width ${found} and the embedded text ${expected}, so take both from one model`,
    'Image tokens are spliced in among token embeddings, so both have the width of the language model.',
  ),

  // R07: initialisers
  R0701: entry(
    ({ key, kind, shape }: { key: string; kind: string; shape: readonly number[] }) =>
      `${key} has shape [${shape.join(', ')}] and ${kind} needs fan_in, so at least two axes and no axis of 0; use normal, uniform or zeros`,
    'fan_in is the second axis of a weight times its receptive field. Biases and norm weights have one axis, so initialisers that scale by fan_in do not apply to them.',
  ),
  R0702: entry(
    ({ key, kind, reason }: { key: string; kind: string; reason: string }) =>
      `the initialiser ${kind} of ${key} cannot be computed because ${reason}, so correct its arguments`,
    'Standard deviations are not negative, and a lower bound lies below its upper bound.',
  ),
  R0703: entry(
    ({ key, start, count, size }: { key: string; start: number; count: number; size: number }) =>
      `elements ${start} to ${start + count} of ${key} were asked for and it has ${size}, so ask for a range inside it`,
    'A parameter can be initialised in chunks; each chunk must lie inside the parameter.',
  ),
  R0704: entry(
    ({ seed }: { seed: number }) => `the seed ${seed} is not an integer from 0 to 2^53 - 1, so choose one that is`,
    'Seeds are integers that JavaScript can hold exactly.',
  ),

  // R08: training
  R0801: entry(
    ({ stage, step, what, where }: { stage: string; step: number; what: string; where: string | undefined }) =>
      `${what} is not finite at step ${step} of ${stage}${where === undefined ? '' : `, first in ${where}`}, so nothing was updated; lower the learning rate, clip the gradient, or check that operation`,
    'A NaN or infinity in the loss or in a gradient would reach every weight with the next update, so training stops before it. The step is run again with every value as an output, and the first one that is not finite is named with its operation and its place in the .mdl file. Checkpoints before this step are intact.',
  ),
  R0802: entry(
    ({ stage, step, data }: { stage: string; step: number; data: string }) =>
      `the batch of step ${step} of ${stage} has no label that counts (${data}), and at least one must be other than -100, so check the labels`,
    'The loss is the mean over labels other than -100; with none it is 0 / 0. Usually the prompt fills the whole row and the answer was cut off, or labels were not shifted as the entry expects.',
  ),
  R0803: entry(
    ({ file, what, found, expected }: InFile & { what: string; found: string; expected: string }) =>
      `${file} is of another run: its ${what} is ${found} and this run has ${expected}, so resume with the settings of that run or choose another folder`,
    'A checkpoint continues the run that wrote it: the same model, config, flags, stage, optimiser, schedule, data and seed. Anything else would silently mix two runs.',
  ),
  R0804: entry(
    ({ file, reason }: InFile & { reason: string }) =>
      `${file} ${reason} and a training checkpoint of this version is expected, so remove it or resume from another`,
    'Training checkpoints are safetensors files with the parameters, the optimiser state and a header that says where the run stands. Weights alone cannot be resumed: start from them with `--weights`.',
  ),
  R0805: entry(
    ({ file }: InFile) => `there is no checkpoint to resume from in ${file}, so start the run without --resume`,
    'The folder has no checkpoint yet: the run was stopped before the first one was written, or this is another folder.',
  ),

  // R09: data
  R0901: entry(
    ({ reason }: { reason: string }) =>
      `the emoji pictures cannot be read (${reason}) and the package emoji-datasource-twitter 16 holds them, so run \`npm install emoji-datasource-twitter\``,
    'The emoji tasks are made from the names and the 64 × 64 pictures of the npm package emoji-datasource-twitter, which is found the way Node finds packages: from the installed program upwards, then from the working directory upwards.',
  ),
  R0902: entry(
    ({ option, value, expected }: { option: string; value: unknown; expected: string }) =>
      `the data option ${option} is ${String(value)} and must be ${expected}, so change it`,
    'An option of the data set is outside its range.',
  ),
  R0903: entry(
    ({ name, reason }: { name: string; reason: string }) =>
      `the data ${name} cannot be opened (${reason}), so give emoji, emoji-pretrain, or a folder with images and a .jsonl file`,
    'Data is the name of a built-in set or the path of a folder. A folder holds images and at least one .jsonl file with one record per line.',
  ),
  R0904: entry(
    ({ file, line, reason }: InFile & { line: number; reason: string }) =>
      `line ${line} of ${file} ${reason}, and {"image", "caption"}, {"image", "question", "answer"} or {"image", "conversations"} is expected, so correct the line`,
    'Each line of a .jsonl file is one JSON object with the path of an image and what is said about it. Conversations are lists of {"question", "answer"}, or of {"from": "human" | "gpt", "value"} in turn.',
  ),
  R0905: entry(
    ({ file, line, image }: InFile & { line: number; image: string }) =>
      `line ${line} of ${file} names the image ${image}, which lies outside the data folder, so move the image into the folder`,
    'Paths of images are relative to the data folder and stay inside it, links included, so that a data set from elsewhere cannot read other files.',
  ),
  R0906: entry(
    ({ file, line, image, reason }: InFile & { line: number; image: string; reason: string }) =>
      `the image ${image} of line ${line} of ${file} cannot be used: ${reason}; replace it, or choose to skip bad images`,
    'The image is missing, or is not a PNG or JPEG that can be decoded. With onBadImage "skip" (`--skip-bad-images`) it is reported once and another record takes its place.',
  ),
  R0907: entry(
    ({ name, split, reason }: { name: string; split: string; reason: string }) =>
      `the ${split} split of ${name} has nothing to give (${reason}), so add records`,
    'A folder is split by image: one image in ten is held out, unless the folder has a train.jsonl and a held-out.jsonl. A split can also run empty because every image in it is damaged.',
  ),
  R0908: entry(
    ({ row, tokens, limit }: { row: number; tokens: number; limit: number }) =>
      `the prompt of row ${row} has ${tokens} tokens up to its last image token and at most ${limit} are kept, so shorten the text or raise the limit`,
    'A prompt that is too long is cut at its end. Image tokens are never cut, because each stands for one vector of an image.',
  ),
  R0909: entry(
    ({ row, found, expected }: { row: number; found: number; expected: number }) =>
      `row ${row} has ${found} image tokens and its images have ${expected}, so write <ImageHere> once per image`,
    'In a batch the image tokens of all rows are filled in order from the images; one too many in a row would shift all that follow.',
  ),
} as const;

export type RuntimeErrorCode = keyof typeof CATALOGUE;
type DetailsOf<C extends RuntimeErrorCode> = Parameters<(typeof CATALOGUE)[C]['message']>[0];

/** An error with a stable code; `message` is for people, `code` for programs and `mdl explain`. */
export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeError';
    this.code = code;
  }
}

/** The error of a code. `cause` keeps the error of a library that led to it. */
export function runtimeError<C extends RuntimeErrorCode>(
  code: C,
  details: DetailsOf<C>,
  cause?: unknown,
): RuntimeError {
  // a union of functions cannot be called with a union of arguments; `details` is checked against the code above
  const message = CATALOGUE[code].message as (details: DetailsOf<C>) => string;
  return new RuntimeError(code, message(details), cause === undefined ? undefined : { cause });
}

/**
 * What went wrong, from anything that was thrown; of the operating system's errors the words only (`no such file or
 * directory`), since the messages name the file themselves.
 */
export function reasonOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return /^E[A-Z0-9]+: ([^\n]+?), [a-z]+( '[^\n]*')?$/.exec(text)?.[1] ?? text;
}
