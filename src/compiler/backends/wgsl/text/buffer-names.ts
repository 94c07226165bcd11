/**
 * Names of buffers in the text of a kernel: what a person who knows the model calls them, without what tells equal layers
 * apart. A kernel is one text for many layers, so the names are those of the first.
 *
 *   parameter llama_model.layers.3.mlp.fc1.weight    mlp_fc1_weight
 *   input past_key_values.3.key                       past_key_values_key
 *   what the linear layer `fc1` gives                 fc1_linear
 */

/** WGSL's reserved words that have the form of such a name (specification, section 3.7.2). */
const RESERVED = new Set([
  'co_await',
  'co_return',
  'co_yield',
  'const_cast',
  'dynamic_cast',
  'reinterpret_cast',
  'static_assert',
  'static_cast',
  'thread_local',
]);

/** Segments that take part, and characters of a name: paths of any depth make names of a readable length. */
const SEGMENTS = 3;
const LONGEST = 48;

/**
 * A WGSL identifier: lower case, with an underscore inside, not ending in a digit. Names that the emitters number (`i5`,
 * `store_0`) end in one, so the two never meet.
 * @param path names joined by dots; characters that WGSL lacks become underscores
 */
export function bufferName(path: string): string {
  const segments = path
    .split('.')
    .map((segment) =>
      segment
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '_')
        .replace(/^_+|_+$/g, ''),
    )
    .filter((segment) => /[a-z]/.test(segment));
  const name = segments
    .slice(-SEGMENTS)
    .join('_')
    .slice(-LONGEST)
    .replace(/^[\d_]+|[\d_]+$/g, '');
  if (name === '') return 'some_values';
  return name.includes('_') && !RESERVED.has(name) ? name : `${name}_values`;
}

/** The name, or with the first of `_b`, `_c` … that makes it another than those that are taken. */
export function unlike(name: string, taken: (name: string) => boolean): string {
  let own = name;
  for (let n = 1; taken(own); n++) own = `${name}_${letters(n)}`;
  return own;
}

const letters = (n: number): string =>
  (n >= 26 ? letters(Math.floor(n / 26) - 1) : '') + String.fromCharCode(97 + (n % 26));
