/**
 * genai_config.json, by which onnxruntime-genai runs a decoder: what its graph's ports are called, the sizes of its caches, the tokens that
 * end an answer, how tokens are chosen. It feeds input_ids, attention_mask, position_ids and caches that have one pattern for their names,
 * `past_key_values.%d.key`; a graph that wants anything else has no such file.
 */
import type { TensorPort } from '../../shared/artifact.ts';
import type { ClientFile } from '../targets/target.ts';
import type { ClientJson } from './drivers.ts';

/** What the file says beside the graph's ports. */
export interface GenaiTokens {
  readonly bos: number | undefined;
  /** the first ends an answer that is written by a single id */
  readonly eos: readonly number[];
  readonly pad: number | undefined;
  /** positions of prompt and answer together */
  readonly positions: number | undefined;
  /** how tokens are chosen, by the names of generation_config.json */
  readonly search: ClientJson;
}

const FED: readonly string[] = ['input_ids', 'attention_mask', 'position_ids'];

/** undefined where the graphs are no single decoder whose ports it feeds, or where nothing ends an answer. */
export function genaiConfig(files: readonly ClientFile[], tokens: GenaiTokens): ClientJson | undefined {
  const [file, ...more] = files;
  if (!file || more.length > 0 || tokens.eos.length === 0) return undefined;
  const names = cacheNames(file);
  const byName = new Map(file.inputs.map((port) => [port.name, port]));
  const caches = new Set(file.cache.map(({ past }) => past));
  const others = file.inputs.filter(({ name }) => !caches.has(name)).map(({ name }) => name);
  const logits = file.outputs.find(({ name }) => name === 'logits');
  const vocabulary = logits?.shape[2];
  const isFed = others.includes('input_ids') && others.every((name) => FED.includes(name));
  if (!names || !isFed || typeof vocabulary !== 'number') return undefined;
  const positions = tokens.positions ?? positionsOf(byName.get('position_ids'));
  if (positions === undefined) return undefined;
  const [, heads, , width] = byName.get(file.cache[0]!.past)!.shape as readonly number[];
  const sizes = { num_key_value_heads: heads!, head_size: width!, num_hidden_layers: file.cache.length / 2 };
  return {
    model: {
      // the class that feeds exactly these ports, whatever computes in the graph
      type: 'llama',
      ...(tokens.bos === undefined ? {} : { bos_token_id: tokens.bos }),
      eos_token_id: tokens.eos.length === 1 ? tokens.eos[0] : tokens.eos,
      pad_token_id: tokens.pad ?? tokens.eos[0],
      vocab_size: vocabulary,
      context_length: positions,
      decoder: {
        session_options: { log_id: 'onnxruntime-genai', provider_options: [] },
        filename: `onnx/${file.name}.onnx`,
        ...sizes,
        // of the graph only the caches are known, which are what is made of these
        num_attention_heads: heads!,
        hidden_size: heads! * width!,
        inputs: {
          ...Object.fromEntries(others.map((name) => [name, name])),
          past_key_names: names.past('key'),
          past_value_names: names.past('value'),
        },
        outputs: {
          logits: 'logits',
          present_key_names: names.present('key'),
          present_value_names: names.present('value'),
        },
      },
    },
    search: {
      do_sample: false,
      max_length: positions,
      // the graph joins past and new, and makes room for both
      past_present_share_buffer: false,
      ...tokens.search,
    },
  };
}

/** `past_key_values.%d.key` and its kin, where the caches are a key and a value for each layer, of equal sizes. */
function cacheNames({ inputs, cache }: ClientFile) {
  const [past, present] = [pattern(cache[0]?.past), pattern(cache[0]?.present)];
  if (!past || !present || cache.length % 2 !== 0) return undefined;
  const named = (of: string, layer: number, kept: string): string => `${of}.${layer}.${kept}`;
  const expected = new Set(
    Array.from({ length: cache.length / 2 }, (_, layer) =>
      ['key', 'value'].map((kept) => `${named(past, layer, kept)} ${named(present, layer, kept)}`),
    ).flat(),
  );
  const fits = cache.every((port) => expected.delete(`${port.past} ${port.present}`)) && expected.size === 0;
  const shapes = new Set(
    cache.map((port) => {
      const { shape } = inputs.find(({ name }) => name === port.past)!;
      return [shape[1], shape[3]].join();
    }),
  );
  if (!fits || shapes.size !== 1 || /[a-zA-Z]/.test([...shapes][0]!)) return undefined;
  return { past: (kept: string) => `${past}.%d.${kept}`, present: (kept: string) => `${present}.%d.${kept}` };
}

const pattern = (name: string | undefined): string | undefined => /^(.+)\.\d+\.(?:key|value)$/.exec(name ?? '')?.[1];

/** As many as a table of positions has. */
function positionsOf(port: TensorPort | undefined): number | undefined {
  return typeof port?.range?.high === 'number' ? port.range.high : undefined;
}
