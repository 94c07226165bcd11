/**
 * config.json for programs that load the folder: which of their classes runs the graphs, and the sizes that it asks for.
 *
 * transformers.js and Optimum choose a class by `model_type`, and the class feeds the graphs. Graphs with the same ports are run
 * alike, whatever computes in them; so a model says by its ports which class that is. A folder of transformers has its own config.json.
 */
import type { CachePort, TensorPort } from '../../shared/artifact.ts';
import type { ClientFile } from '../targets/target.ts';

export type ClientJson = { readonly [key: string]: unknown };

/** What config.json has beside sizes, from the model's recipe. */
export interface ModelTokens {
  readonly bos?: number;
  readonly eos?: number;
  readonly pad?: number;
  /** stands in input_ids where the features of a picture go */
  readonly image_token?: number;
  readonly max_positions?: number;
}

interface Driver {
  /** of each graph by its name, the ports that the class feeds and reads; it makes a cache where there is one */
  readonly graphs: Readonly<Record<string, { readonly takes: readonly string[]; readonly gives: readonly string[] }>>;
  readonly cached?: string;
  config(files: ReadonlyMap<string, ClientFile>, tokens: ModelTokens): ClientJson;
}

const DECODER = ['attention_mask', 'position_ids'];

/** In this order, the first whose ports are there. */
const DRIVERS: readonly Driver[] = [
  {
    graphs: { model: { takes: ['input_ids', ...DECODER], gives: ['logits'] } },
    cached: 'model',
    config: (files, tokens) => ({
      architectures: ['LlamaForCausalLM'],
      ...decoderSizes(files.get('model')!, tokens),
      ...ids(tokens),
    }),
  },
  {
    graphs: {
      vision_encoder: { takes: ['pixel_values'], gives: ['image_features'] },
      embed_tokens: { takes: ['input_ids'], gives: ['inputs_embeds'] },
      decoder_model_merged: { takes: ['inputs_embeds', ...DECODER], gives: ['logits'] },
    },
    cached: 'decoder_model_merged',
    config: (files, tokens) => ({
      architectures: ['LlavaForConditionalGeneration'],
      model_type: 'llava',
      ...(tokens.image_token === undefined ? {} : { image_token_index: tokens.image_token }),
      text_config: decoderSizes(files.get('decoder_model_merged')!, tokens),
      ...ids(tokens),
    }),
  },
  {
    graphs: { model: { takes: ['pixel_values', 'input_ids'], gives: ['logits_per_image'] } },
    config: () => ({ architectures: ['CLIPModel'], model_type: 'clip' }),
  },
  {
    graphs: { model: { takes: ['input_ids', 'attention_mask'], gives: ['last_hidden_state'] } },
    config: (files) => ({
      architectures: ['BertModel'],
      model_type: 'bert',
      hidden_size: sizeAt(files.get('model')!.outputs, 'last_hidden_state', 2),
    }),
  },
  {
    graphs: { model: { takes: ['pixel_values'], gives: ['logits'] } },
    config: (files) => {
      const classes = Number(sizeAt(files.get('model')!.outputs, 'logits', 1) ?? 0);
      const names = Array.from({ length: classes }, (_, index) => [index, `LABEL_${index}`] as const);
      return {
        architectures: ['ViTForImageClassification'],
        model_type: 'vit',
        id2label: Object.fromEntries(names),
        label2id: Object.fromEntries(names.map(([index, name]) => [name, index])),
      };
    },
  },
  {
    graphs: { model: { takes: ['pixel_values'], gives: ['last_hidden_state'] } },
    config: () => ({ architectures: ['ViTModel'], model_type: 'vit' }),
  },
];

/** config.json of graphs; one of a single graph that no class is known for names none: `AutoModel` runs it. */
export function clientConfig(files: readonly ClientFile[], tokens: ModelTokens): ClientJson {
  const byName = new Map(files.map((file) => [file.name, file]));
  const driver = DRIVERS.find(({ graphs, cached }) => {
    const wanted = Object.entries(graphs);
    return (
      wanted.length === files.length && wanted.every(([name, ports]) => fits(byName.get(name), ports, cached === name))
    );
  });
  return { ...(driver?.config(byName, tokens) ?? { model_type: 'custom' }), 'transformers.js_config': loading(files) };
}

/** Where pages find weights: a page knows no folder to look into. The graphs are f32, and pages ask for 8 bits first. */
export function loading(files: readonly ClientFile[]): ClientJson {
  const withData = files.filter(({ shards }) => shards > 0);
  return {
    dtype: 'fp32',
    ...(withData.length === 0
      ? {}
      : { use_external_data_format: Object.fromEntries(withData.map(({ name, shards }) => [`${name}.onnx`, shards])) }),
  };
}

/** The class feeds all inputs but those of a cache, which it makes itself. */
function fits(
  file: ClientFile | undefined,
  { takes, gives }: { readonly takes: readonly string[]; readonly gives: readonly string[] },
  cached: boolean,
): boolean {
  if (!file || file.cache.length > 0 !== cached) return false;
  const given = new Set(file.outputs.map(({ name }) => name));
  const asked = new Set(file.inputs.map(({ name }) => name));
  return gives.every((name) => given.has(name)) && takes.every((name) => asked.has(name));
}

const ids = ({ bos, eos, pad }: ModelTokens): ClientJson => ({
  ...(bos === undefined ? {} : { bos_token_id: bos }),
  ...(eos === undefined ? {} : { eos_token_id: eos }),
  ...(pad === undefined ? {} : { pad_token_id: pad }),
});

/** Of the caches, [B, key_value_heads, P, head_dim] each: a key and a value for each layer. */
function decoderSizes({ inputs, outputs, cache }: ClientFile, { max_positions }: ModelTokens): ClientJson {
  const [heads, dim] = cacheSizes(inputs, cache);
  return {
    model_type: 'llama',
    num_hidden_layers: cache.length / 2,
    num_key_value_heads: heads,
    num_attention_heads: heads,
    head_dim: dim,
    hidden_size: heads * dim,
    vocab_size: sizeAt(outputs, 'logits', 2),
    ...(max_positions === undefined ? {} : { max_position_embeddings: max_positions }),
  };
}

function cacheSizes(inputs: readonly TensorPort[], cache: readonly CachePort[]): readonly [heads: number, dim: number] {
  const { shape } = inputs.find(({ name }) => name === cache[0]!.past)!;
  return [Number(shape[1]), Number(shape[3])];
}

const sizeAt = (ports: readonly TensorPort[], name: string, axis: number): number | string | undefined =>
  ports.find((port) => port.name === name)?.shape[axis];
