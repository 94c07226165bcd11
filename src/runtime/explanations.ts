/** The long forms of the runtime's errors: what `mdl explain R0103` and the docs print. */
import type { RuntimeErrorCode } from './errors.ts';

export const EXPLANATIONS: { readonly [C in RuntimeErrorCode]: string } = {
  R0101:
    'A safetensors file starts with the length of its header as a 64-bit little-endian number. The file is shorter than that number, usually because a download was interrupted.',
  R0102:
    'The header must fit in the file and may have at most 100,000,000 bytes. A much larger number means that the file is of another format (a pickle, a Git LFS pointer, an HTML page) or was cut short.',
  R0103:
    'The header of a safetensors file is one JSON object in UTF-8 that starts right after the length. It maps tensor names to {dtype, shape, data_offsets}.',
  R0104:
    'JSON readers silently keep one of two equal keys, so that two programs may read different weights from one file. The runtime refuses such files.',
  R0105:
    'Each tensor is described by a dtype (text), a shape (integers of at least 0) and data_offsets (two integers, begin ≤ end, in bytes from the end of the header), and nothing else.',
  R0106: 'The runtime does not read every dtype that safetensors can hold (8-bit floats for example).',
  R0107:
    'The product of the shape times the bytes of one element must be the length of the data. A product past 2^53 is refused too.',
  R0108: 'No two tensors may share bytes: tied weights are stored once, under one name.',
  R0109:
    'The data of a safetensors file is covered by tensors from its first byte to its last. Holes could hide anything and are refused.',
  R0110:
    'The last tensor must end at the end of the file. A shorter file was cut short, a longer one has bytes appended to it.',
  R0111:
    'The name does not occur in the file. Names are checkpoint keys: compare prefixes (`llama_model.base_model.model.` exists only with LoRA).',
  R0112: 'The optional key __metadata__ holds an object whose values are all strings.',
  R0113:
    'An index may only name files inside its own directory: no absolute paths, no `..`, no symbolic link that leads out. Else a downloaded checkpoint could make the runtime read any file of the machine.',
  R0114: 'The index and the shards disagree, usually because they come from two versions of the checkpoint.',
  R0115:
    'When a checkpoint has several files, a tensor found twice could mean either of two values. The runtime does not choose.',
  R0116: 'A tensor that the index does not list would be dropped silently.',
  R0117: 'model.safetensors.index.json is a JSON object whose weight_map gives the shard of each tensor.',
  R0118:
    'The path must be a file of weights, an index of shards (….index.json), or a directory that holds one of them.',
  R0119:
    'The writer knows the length of each tensor before it writes the header. The data that was given does not have that length.',
  R0120: 'The name __metadata__ is reserved by the format.',
  R0121:
    'A read came back short or failed: the file changed while it was open, or the server does not answer range requests.',
  R0122:
    'Weights are written under a temporary name beside the target, flushed and renamed. Something on that way failed; an older file of that name is untouched.',
  R0123:
    'The first bytes of the file are those of another format; its name is not looked at. Node and the command line read more formats than a page, which reads safetensors. A small text instead of weights is a pointer of Git LFS, or what a server answered instead of the file.',
  R0201: 'A compiled model has several named graphs, its entries. The manifest lists them.',
  R0202:
    'manifest.json is written by the compiler beside the .onnx files and says which entries, ports and files there are.',
  R0203: 'The runtime opens the output directory of the compiler, or the manifest.json in it.',
  R0204: 'The weights were moved, cut short, or belong to another compilation.',
  R0205: 'The graph refers to weights that were never written.',
  R0206: 'The backend refused the graph: a file is damaged or missing, or an operator is not supported there.',
  R0207: 'All inputs are needed, except the key/value cache, which is empty when it is absent.',
  R0208: 'The name of a tensor that was given is not an input of the entry.',
  R0209: 'f32 is a Float32Array, i64 a BigInt64Array (an Int32Array is widened), bool a Uint8Array of zeros and ones.',
  R0210:
    'Rank and static dimensions of an input are fixed when the model is compiled, and the data must fill the shape. A dimension that is declared as a multiple or a sum takes such sizes alone: `4*H` is 4, 8 or 12. Pad or resize images that have others.',
  R0211: 'Dimensions of the same name must have the same size in all inputs of one run.',
  R0212: 'The graph and the manifest disagree about an output; they come from two compilations.',
  R0213: 'Only outputs that the manifest lists can be asked for.',
  R0214: 'After dispose() the memory of the model has been freed.',
  R0215:
    'The inputs have the right shapes and the backend still failed: a token id outside the vocabulary, a position past the end of the rotary table, or too little memory.',
  R0216: 'Not every backend exists on every machine.',
  R1100:
    'A folder has one manifest for all targets that a model was compiled for, and a section with the files of each. Of this entry it has none for the backend that was asked for.',
  R0217:
    'setAdapter() chooses among the adapters that the compiled folder came with (`default`) and those that addAdapter() has read.',
  R0218:
    'Adapters are part of the weights of a compiled model, unless `mdl compile --swap-adapters` made their parameters inputs of the graphs.',
  R0219:
    "An adapter is a folder in PEFT's format, as `mdl train --save-adapter` and PEFT's save_pretrained write it: adapter_config.json and adapter_model.safetensors. A page gives its URL; both take the bytes of the two files instead.",
  R0220:
    'The rank r is a shape of the compiled graphs and alpha / r a constant in them, so all adapters of one compiled model have the same. Variants that compute something else (DoRA, ranks or alphas by layer) do not fit.',
  R0221:
    'An adapter has a lora_A and a lora_B for each adapted module of the model, of the shapes that the model has, finite, and nothing else. All that is missing, unexpected or of another shape is listed.',
  R0222:
    'Token ids, positions and classes are looked up in tables of the model. An id outside the vocabulary usually comes from a tokenizer of another model, a position past the end from a sequence longer than the model was made for.',
  R0223:
    'Slices, splits and tables of a dynamic size work from some size on: `x[:, 1:4]` of [B, T] needs T ≥ 4, `x[:, -1]` needs T ≥ 1. The compiler derives what an entry needs of its dimensions, the manifest lists it with the lines of the .mdl file (`requires`), and a session refuses other sizes before anything runs, on every backend. What needs the size is named even where no output depends on it.',
  R0224:
    'An index that is computed in the graph, such as `gather(w, i - j)`, lies outside of its table: nothing wraps around and nothing is clamped. Where the compiler can neither prove that it cannot happen nor check an input instead (R0222), the graph gives the smallest and the largest index to the session, which looks at them after each run. Write `where(i < 0, 0, i)` or `int(clamp(float(i), 0.0, 9.0))` where the nearest row is meant. A graph for other clients has the numbers as its output `checks`.',
  R0235:
    'The backends are large and native, so they do not come with mdl-compiler: install onnxruntime-node (Node, CPU), onnxruntime-web (pages) or webgpu (WebGPU in Node) beside it. The install script of onnxruntime-node fetches CUDA libraries on Linux; where there is no network for it, `ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node` leaves them out, and the CPU build that MDL uses is in the package.',
  R0301:
    'An option of generate() is outside its range, or has no effect together with the others: temperature, top_k and top_p need do_sample.',
  R0302: 'A prompt needs at least one token, and all prompts of a batch have embeddings of the same width.',
  R0303:
    'Generation runs `embed_tokens` (input_ids to inputs_embeds) and `decode` (inputs_embeds, attention_mask, position_ids and the cache to logits and the new cache).',
  R0304: 'The AbortSignal that was given to generate() was aborted. The reason is the cause of this error.',
  R0305: 'A model that yields NaN was trained to divergence, loaded wrongly, or overflowed in low precision.',
  R0306:
    'A model with a table of positions (`max_position_embeddings`) cannot place tokens past its end. The bound is what the recipe says, the range of `position_ids` in the manifest, or what the entry requires of its sizes; it is checked before the first token. Where `max_new_tokens` is not given, as many tokens follow as there are positions for.',
  R0307:
    "The options have HF's names, with underscores. An option that is not known would be ignored, so it is an error.",
  R0308:
    'Each beam has its own rows of the key/value cache and of the logits. 4 to 16 beams are usual; more make answers shorter and not better.',
  R0309: 'The texts of several prompts come token by token, in turn; each needs its own decoder.',
  R0401: 'The first bytes of the file say what it is, whatever its name. The runtime reads PNG, JPEG and WebP.',
  R0402:
    'A small file can claim to be a gigantic image. The size in its header is checked before memory is allocated for it: at most 2^26 pixels (8192 × 8192), or the option max_pixels of decodeImage, preprocessImage and ask (`mdl generate --max-pixels`).',
  R0403: 'The file begins like an image of this format and then breaks its rules, usually because it was cut short.',
  R0404:
    'JPEGs of 8 bits are read, baseline and progressive, with 1, 3 or 4 components; not those that are lossless, hierarchical, arithmetic-coded or of 12 bits, which most programs do not read either. An animated WebP is many pictures, and which one is meant is for you to say.',
  R0405: 'The size that images are resized to before they enter the model: 224 or 448 for TinyGPT-V.',
  R0406:
    'The record `image` of a model\'s config says what its pictures must be like: `mean` and `std` (three numbers of each channel), `background` (what is behind transparent pixels: three integers from 0 to 255, or none to drop transparency as Pillow\'s convert("RGB") does) and `exif_orientation` (true when photographs are turned upright, which is so when absent; false as in code that does not).',
  R0407:
    'Options of decodeImage, preprocessImage and ask: exif_orientation, background and max_pixels; of preprocessImage also mean and std, three numbers each.',
  R0408:
    'Pages fetch the decoders of JPEG and WebP (WebAssembly, 50 KiB each) when they are wanted. decodeImage and preprocessImage answer at once and cannot wait for them; ask() loads them by itself. PNG needs none.',
  R0409:
    "A Content-Security-Policy without 'wasm-unsafe-eval' forbids WebAssembly; a bundler or server that leaves out the chunks of the package gives a fetch error.",
  R0410:
    'decodeImage and ask take exif_orientation, background and max_pixels; preprocessImage also size, mean, std and order. A name that is not known would be ignored, so it is an error.',
  R0411:
    'The record `image` of a config may hold what the model reads itself, such as a size. A name that is nearly mean, std, background or exif_orientation is taken for a slip, because the picture would be prepared without it.',
  R0501:
    'A tokenizer.json describes normaliser, pre-tokenizer, model and decoder. vocab.json with merges.txt is an older format; convert it with HF tokenizers.',
  R0502:
    'Phi-2 has 51,200 rows of logits and a vocabulary of 50,295 entries: the last rows belong to no token and should never be chosen by a trained model.',
  R0503:
    'The trainer merges pairs of tokens until the vocabulary is full; short texts run out of pairs. The smallest vocabulary has 257 entries.',
  R0504:
    'A tokenizer.json is a list of components, each with a type. A component that is left out changes the ids of every text, so an unknown one is an error and not skipped. UnicodeScripts is the one pre-tokenizer of HF tokenizers that is not read.',
  R0505:
    'The values that HF tokenizers writes are read, and nothing else: a dropout above 0 makes ids random, ids of 2^24 and above belong to no real vocabulary, a pattern may not be empty.',
  R0506: 'A field that is not known may change how a text is cut, so it is an error and not skipped.',
  R0507:
    'Patterns are read as Oniguruma reads them, which HF tokenizers uses, and matched without exponential backtracking. Look-behind, references to groups, named groups, POSIX classes ([[:alpha:]]) and {n,m}+ are not read. Patterns that would be larger than 20,000 steps are refused.',
  R0508:
    'WordLevel and WordPiece need their unk_token in the vocabulary, Unigram its unk_id. HF tokenizers reports such texts as errors too.',
  R0509:
    'Two tokens with one id cannot be told apart when decoding; a merge needs its two parts and its result in the vocabulary; an added token that stands in the vocabulary has the same id there.',
  R0510:
    "An option of another name would be ignored without a word. The options of encode have HF's names: add_special_tokens, split_special_tokens. decode has `special`: true keeps special tokens, as HF's skip_special_tokens=False. session.run takes fetch, keep, borrow, reserve and profile.",
  R0511: 'Ids come as a list of numbers, an Int32Array or a BigInt64Array, as models give them.',
  R0512:
    'Programs without types pass null or nothing where a file, a text or a list of ids was not found. The call names what it was given and what it takes; bytes are a Uint8Array, so a Buffer fits and an ArrayBuffer goes in as `new Uint8Array(buffer)`. session.run takes the name of an entry, an object of tensors by the names of its inputs, and an object of options; a tensor has dtype, shape and data.',
  R0530:
    'A picture becomes f32 [N, 3, H, W] of the size that the recipe gives, a text i64 [B, T] of its tokens. Other inputs (masks, positions, features) take tensors: a .npy or .safetensors file, or lists of numbers in a .json file.',
  R0531: 'Each text is a row of tokens, and a row needs one at least.',
  R0532:
    'class_names gives the classes by number: the first is 0. With it the order of the folders says nothing, and a class that it does not have would get no number.',
  R0540:
    'A system message and a prompt as it stands are parts of a conversation, which a chat template writes: those are of models whose recipe says image_placeholder. The others have a template by name (`template = "human"`), an end (`--end`), and special tokens that can be taken as text.',
  R0541:
    'Data sets of the recipe vision-language make one square of each picture and mark the places of its tokens by -1. A model whose recipe says image_placeholder, shorter_side, longest_side or resample has pictures and prompts of another kind; `mdl generate` and `ask` prepare those.',
  R0601:
    "Each image stands in the prompt as <Img><ImageHere></Img>, or as what the model's recipe says (image_placeholder), in the order in which the images are given.",
  R0602: 'An image takes num_query_tokens places (32 in TinyGPT-V), each marked by the id -1.',
  R0603:
    'Templates are chosen by name, because training, demo and evaluation of the released model use different ones.',
  R0604: 'Image tokens are spliced in among token embeddings, so both have the width of the language model.',
  R0701:
    'fan_in is the second axis of a weight times its receptive field. Biases and norm weights have one axis, so initialisers that scale by fan_in do not apply to them.',
  R0702: 'Standard deviations are not negative, and a lower bound lies below its upper bound.',
  R0703: 'A parameter can be initialised in chunks; each chunk must lie inside the parameter.',
  R0704: 'Seeds are integers that JavaScript can hold exactly.',
  R0801:
    'A NaN or infinity in the loss or in a gradient would reach every weight with the next update, so training stops before it. An input that is not finite is named with its row of the data. Else the step is run again with every value as an output, and the first one that is not finite is named with its operation and its place in the .mdl file: check that operation, lower the learning rate, or clip the gradient. Checkpoints before this step are intact.',
  R0802:
    'The loss is the mean over labels other than -100; with none it is 0 / 0. Usually the prompt fills the whole row and the answer was cut off, or labels were not shifted as the entry expects.',
  R0803:
    'A checkpoint continues the run that wrote it: the same model, config, flags, stages, optimiser, schedule, data and seed. Graphs, parameters, weights and data are compared by hashes of their contents, so a changed file behind the same path shows, and a moved one does not. Anything else would silently mix two runs. Backend and opset may differ.',
  R0804:
    'Training checkpoints are safetensors files with the parameters, the optimiser state and a header that says where the run stands. Weights alone cannot be resumed: start from them with `--weights`.',
  R0805:
    'The folder has no checkpoint yet: the run was stopped before the first one was written, or this is another folder.',
  R0806:
    'A stage that accumulates averages the gradients of several micro-batches before each update; a step of a generated module takes them all at once, as a list.',
  R0901:
    'The emoji tasks are made from the names and the 64 × 64 pictures of the npm package emoji-datasource-twitter, which is found the way Node finds packages: from the installed program upwards, then from the working directory upwards.',
  R0902: 'An option of the data set is outside its range.',
  R0903:
    'Data is the name of a built-in set or the path of a folder. A folder holds images and at least one .jsonl file with one record per line.',
  R0904:
    'Each line of a .jsonl file is one JSON object with the path of an image and what is said about it. Conversations are lists of {"question", "answer"}, or of {"from": "human" | "gpt", "value"} in turn.',
  R0905:
    'Paths of images are relative to the data folder and stay inside it, links included, so that a data set from elsewhere cannot read other files.',
  R0906:
    'The image is missing, or is not a PNG or JPEG that can be decoded. With onBadImage "skip" (`--on-bad-row skip`) it is reported once and another record takes its place.',
  R0907:
    'A folder is split by image: one image in ten is held out, unless the folder has a train.jsonl and a held-out.jsonl. A split can also run empty because every image in it is damaged.',
  R0908:
    'A prompt that is too long is cut at its end. Image tokens are never cut, because each stands for one vector of an image.',
  R0909:
    'In a batch the image tokens of all rows are filled in order from the images; one too many in a row would shift all that follow.',
  R1001:
    'A page needs navigator.gpu (Chrome and Edge 113, Safari 26, Firefox 141 or newer, on https or localhost). Deno has it too, with --unstable-webgpu. Node and Bun get it from the optional package `webgpu` (Dawn), which needs a graphics driver; a software driver such as SwiftShader (named in VK_DRIVER_FILES) works, slowly.',
  R1002:
    'Plans are compiled for limits that a device must grant. The defaults of the WebGPU specification are granted everywhere; a plan that was compiled for more runs on fewer machines.',
  R1003:
    'The driver was reset, the machine woke from sleep, memory ran out, or device.destroy() was called. Everything on the device is gone; session.recover() takes a new device and loads the weights again. Training goes on from its last checkpoint.',
  R1004:
    "The adapter's compiler refused a kernel. The lines around the place are shown. Kernels of this compiler are valid WGSL, so the plan was changed or comes from another version.",
  R1005:
    'A buffer holds one tensor, and its size follows from the shapes of the inputs. Adapters limit buffers (often 256 MiB) and bindings (often 128 MiB).',
  R1006:
    'WebGPU validates every command. A command of a plan that this compiler wrote is valid, so the plan was changed, comes from another version, or the device was destroyed by the program that owns it.',
  R1007: 'Weights, caches, intermediate tensors and tensors that were kept on the device share its memory.',
  R1008:
    'A tensor on the device that is given to a run which updates it in place (a key/value cache, a trained parameter) is used up by that run; the output takes its place. After destroy() and after the loss of its device it is gone too. Without a device the same holds of an output that was kept and then released: a later run writes there.',
  R1009:
    'WGSL has no 64-bit integers, and cutting one off would make it another number. Token ids, labels and positions fit in 32 bits. A seed may be up to 4294967295.',
  R1010:
    'The weights belong to another model, config or set of flags than the plan. Keys are checkpoint keys; shapes must agree exactly.',
  R1011:
    'The number of workgroups follows from the shapes of the inputs. The runtime folds what is too many for one axis of a dispatch into two; four thousand million are the most.',
  R1012:
    'plan.json is what `mdl compile --target webgpu` writes: kernels, buffers and steps. This one is damaged or of another version.',
  R1014:
    'WGSL has no 64-bit integers. Where the compiler cannot tell from the operands that a sum, a product or a cast stays in 32 bits, the kernels count the elements that leave them, and a run in which there are some gives no results. What it was to update in place (a cache) is used up.',
  R1015:
    'Buffers of a device have fewer than 2^32 bytes, so a tensor with elements has fewer than 2^30 along every axis.',
  R1016:
    'With `selfTest`, small kernels of each family that the plan has run on the adapter before the first entry loads, and a result was further than 1e-4 of its largest number from that of the float64 interpreter, or a kernel did not run. Drivers and WGSL compilers are wrong now and then, and a model on such an adapter gives garbage without a word. `runSelfTest()` gives the same findings as data; `mdl doctor MODEL` in Node finds the first line of a model that is off.',
  R1017:
    'ONNX Runtime and backends of your own have no adapter and no kernels of ours to test. With the backend `auto` the option is about the adapter, where one is chosen.',
  R1013:
    'Times per kernel come from timestamps that the device writes. Some browsers grant them only in a developer mode.',
  R1180:
    'The file begins as one of its format and goes on as none: it was cut short, changed, or made to mislead. Sizes and places are checked before anything is read by them.',
  R1181:
    'A pickle is a program: it may call any function of Python. PyTorch checkpoints are read without running anything, and only calls that make dicts, lists, tensors and storages mean something here. Settings such as argparse.Namespace are passed over as long as no tensor hangs on them. A model saved whole (torch.save(model)) has calls of its own classes: save model.state_dict().',
  R1182:
    'A tensor in a PyTorch checkpoint is a view of a storage: an offset, a size and a stride. It must lie inside of its storage, and the storage must be in the file with the bytes that the tensor expects.',
  R1183:
    'Bytes of numbers are read as they lie in memory, which is little-endian on every machine that runs JavaScript.',
  R1184:
    'tensor.expand() repeats a small storage without bytes of its own. A file of a few bytes could claim any number of them, so views of more than 16 MiB that repeat their storage are refused.',
  R1120:
    'A recipe has a table of settings, with the kind and the meaning of each; docs/recipes.md lists them. A setting that nothing reads is refused, because a mistyped one would have no effect.',
  R1121: 'Each setting of a recipe has a kind and a range, which docs/recipes.md lists.',
  R1122:
    'Data is made in the sizes and with the token ids of its model. The model gives them in the clause `recipe "NAME" { … }` of its file, usually as values of its config: `image_size = vit.image_size`. A number that was guessed instead would train another model.',
  R1123:
    'A recipe says how a kind of model meets data: how batches are made, how a prompt is put, how answers are judged. A model names its recipe in its file, `recipe "NAME" { … }`, or `--recipe NAME` gives one.',
  R1124:
    "A data set of pictures makes texts by three things that only the model's author knows: the `tasks` (captions, descriptions, multitask or questions), the `template` that a question is put in, and what `end`s an answer. A stage says them as clauses; template and end may also be settings of the model's recipe. `mdl evaluate` takes them from `--stage`, or from `--tasks`, `--template` and `--end`. They are never taken from a name.",
  R1125:
    'The set `emoji-pretrain` is a fixed mix of tasks without a template. A clause that would have no effect is an error.',
  R1126:
    'In a batch of pictures each `<ImageHere>` stands for as many places as `encode_image` gives rows for one image, so the recipe vision-language reads the shape of its output.',
  R1127:
    'A file that a question is about is damaged or of another kind than the recipe takes. The recipe vision-language takes PNG, JPEG and WebP.',
  R1140:
    'Every line is read once when the data is opened, so that a bad one does not stop a long run. With `--on-bad-row skip` such rows are left out and named; otherwise the first one ends the command.',
  R1141:
    'The path must lead to files of the kinds that the recipe of the model reads; docs/data.md lists them. A folder is read with all folders in it, in the order of the names.',
  R1142:
    'Batches are made for the inputs of the entry that the stage minimises (`loss`, unless it says another), by name. An input that the recipe cannot fill would have to be guessed, so the data set is refused before anything is trained.',
  R1143:
    'Without this input the data would have no effect on the loss. Inputs are found by name: input_ids, labels, attention_mask and position_ids for text.',
  R1144:
    'Dtypes and sizes of a batch must be those that the entry was compiled for. Sizes that are symbols there (B, T) may be anything, and a symbol that comes twice must be the same size.',
  R1145:
    'Text that is packed needs at least `length` tokens. A split by `held_out` gives that part of the rows, rounded, to judge by and the rest to train on; both need at least one.',
  R1146:
    'The file is missing, or is no PNG, JPEG or WebP that can be decoded. With `--on-bad-row skip` it is named once and another picture takes its place.',
  R1147:
    'Classes are numbered from 0 in the order of their names, and each number is looked up in the logits. A model with fewer of them has no place for the last ones.',
  R1148:
    'A module is JavaScript that makes batches: `export default { name: "mine", batch: async (step) => ({ feeds, tokens, rows }) }`. The feeds are tensors { dtype, shape, data } by the names of the inputs of the loss; the same step must give the same batch. One that exports `{ name, rows, row(index) }` gives a row at a time, without the axis of rows, and batches and `--val-split` are made of them.',
  R1185:
    'The tensors of `--weights FILE#KEY` are those whose keys begin with `KEY.`, without it: `checkpoint.pth#model` of a file that has `model` beside `optimizer`.',
  R1186:
    'A folder is its index (model.safetensors.index.json, pytorch_model.bin.index.json), else its .safetensors files, else pytorch_model.bin, else its one file of another format. Which of several is meant is not guessed.',
  R1187:
    'An ONNX model may keep its tensors in files beside it (external data), each by a name, an offset and a length. The file must be the one that was written with the model.',
  R1188:
    'Weights are found by name, so the tensors of a PyTorch checkpoint must lie in dicts (or lists, by their index) whose keys are text or integers.',
  R1189:
    'The first bytes of the file name a version of its format. Others than these lay out their numbers differently, so they are not read as if they were known.',
  R1190:
    'A chat template is Jinja text: chat_template.jinja, or the field chat_template of tokenizer_config.json (a text, or a list with one that is called default). The message has what the parser says.',
  R1191:
    'Templates check the conversations that they write: many want user and assistant in turns, beginning with user, and some know no system message. The reason is the template’s own text, or what it needed and did not get.',
  R1192:
    'Conversations become text by the template that the model was made for: the file chat_template.jinja, or the field chat_template of tokenizer_config.json, in the folder of tokenizer.json (beside the .mdl file where each byte is a token). `mdl generate --raw` gives a prompt as it stands.',
  R1193:
    'A model is judged by the outputs of its loss that have the shape []: the loss itself, an accuracy, and what the recipe makes of them.',
  R1194:
    'The best state is the one with the best value of a measure on the validation rows (`--keep-best`, or `judge.metric` of `trainStages`). Measures are the scalars that the loss gives (`loss`, `accuracy`, …) and what the recipe makes of them (`perplexity` of text).',
  R1195:
    'With `--keep-best` a run keeps the best state of a stage in the folder `best` of `--out`, and ends the stage with it. The file was removed or changed while the run went on.',
  R1196:
    'A run of `trainStages` goes on from a checkpoint of one of its stages: those before it are skipped, since the checkpoint holds what they trained. Give the stages of the run that wrote it, in their order.',
  R1197:
    'Stages are named as the `stage` blocks of the file are. Without names all of them are trained, in the order of the file.',
  R1220:
    'The index that `mdl data write` leaves names each shard with its length and checksum. One that is missing, shorter or changed is told before or when it is opened, since another batch in its place would train something else without a word.',
  R1221:
    'Shards hold the batches of one stage of one model, with the inputs of its loss. train.py refuses those of another stage, an index of another version, and batches without an input that the loss takes.',
  R1222:
    'One process trains with `--parallel none`, several with `ddp` (copies of the model) or `fsdp2` (parts of each tensor), and `--offload` belongs to fsdp2. A model that updates buffers from its batches, such as batch normalisation, is trained by one process: each of several would follow other batches. With `recompute` a layer that updates buffers would update them twice in a step.',
  R1223:
    'A step has the micro-batches that the stage says (`accumulate`, or `--accumulate`), whatever the number of ranks, so that a run means the same on each. The ranks share them, so their number divides that of the micro-batches.',
  R1224:
    'The scale of a group comes from its largest numbers, so that one NaN or infinity would take all of its group with it. Quantising refuses them, and names the first.',
  R1225:
    'A group of quantised weights shares one scale, which is stored as f16: 65504 is its largest number. Weights of such a size have no place in a model that computes in f32; the key can stay f32.',
  R1240:
    'GPTQ chooses codes by what a matrix is multiplied with, so it needs inputs of the model. `mdl compile --calibrate DATA` finds the codes and writes them; the folder that it writes runs as any other. Commands that quantise as they load (`mdl run` of a .mdl file) have no inputs to find them by: let them run that folder, or take another method there.',
  R1280:
    'generate(), generateStream() and streamText() take prompts as `{ input_ids: [[1, 2], [3]] }`, one row of token ids per prompt, or as `{ embeds: [tensor] }`, f32 [T, d] each. Masks and positions are made from them: prompts of different lengths are padded on the left.',
};
