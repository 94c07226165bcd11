/** The codes R02: a model folder, its manifest, and the session that runs it. */
import { message } from './message.ts';

type InFile = { readonly file: string };
type InEntry = { readonly entry: string };
type InAdapter = { readonly adapter: string };
type DimNeed = {
  readonly needs: string;
  readonly what: string;
  readonly source: string | undefined;
  readonly because: string;
};
type InPort = { readonly entry: string; readonly input: string };
const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');
const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);

export const SESSION_MESSAGES = {
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
} as const;
