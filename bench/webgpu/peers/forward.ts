/** Which of the models over `Ops` a row is, with its inputs on the device. */
import type { Problem, Tensors } from '../problem.ts';
import { attention, type PhiInputs, phi, phiLayer, phiLoss, phiSizes, phiTables } from './models.ts';
import type { Ops, Weights } from './ops.ts';

/** by name; handed to `forward` as they are, so that a library may trace them */
type Inputs<T> = Readonly<Record<string, T>>;

export interface Forward<T> {
  /** of the output */
  readonly name: string;
  readonly inputs: Inputs<T>;
  forward(weights: Weights<T>, inputs: Inputs<T>): T;
}

export interface Loss<T> {
  readonly inputs: Inputs<T>;
  loss(weights: Weights<T>, inputs: Inputs<T>): T;
}

/** @throws Error for a file that is not among the rows */
export function forwardOf<T>(o: Ops<T>, problem: Problem): Forward<T> {
  const { row } = problem;
  const given = (...names: readonly string[]) => floats(o, problem.inputs, names);
  switch (row.file) {
    case 'gemm.mdl':
      return { name: 'y', inputs: given('x'), forward: (w, { x }) => o.matmul(x!, w.weight!) };
    case 'layer_norm.mdl':
      return {
        name: 'y',
        inputs: given('x'),
        forward: (w, { x }) => o.layerNorm(x!, w['norm.weight']!, w['norm.bias']!, 1e-5),
      };
    case 'softmax.mdl':
      return { name: 'y', inputs: given('x'), forward: (_, { x }) => o.softmax(x!) };
    case 'gelu.mdl':
      return { name: 'y', inputs: given('x'), forward: (_, { x }) => o.gelu(x!) };
    case 'attention.mdl':
      return { name: 'y', inputs: given('q', 'k', 'v'), forward: (_, { q, k, v }) => attention(o, q!, k!, v!) };
    case 'phi_layer.mdl': {
      const sizes = phiSizes(problem);
      const inputs = { ...given('x'), ...tables(o, problem, 0) };
      return { name: 'y', inputs, forward: (w, all) => phiLayer(o, w, 'layer', sizes, all.x!, phiInputs(all)) };
    }
    case 'phi_decode.mdl': {
      const sizes = phiSizes(problem);
      const past = Object.keys(problem.inputs).filter((name) => name.startsWith('past_key_values.'));
      const inputs = { ...given('inputs_embeds', ...past), ...tables(o, problem, row.dims.P!) };
      const forward = (w: Weights<T>, all: Inputs<T>): T => {
        const cache = Array.from(
          { length: sizes.num_layers! },
          (_, i) => [all[`past_key_values.${i}.key`]!, all[`past_key_values.${i}.value`]!] as const,
        );
        return phi(o, w, sizes, all.inputs_embeds!, { ...phiInputs(all), past: cache });
      };
      return { name: 'logits', inputs, forward };
    }
    default:
      throw new Error(`nothing is written for ${row.file}`);
  }
}

export function lossOf<T>(o: Ops<T>, problem: Problem): Loss<T> {
  const sizes = phiSizes(problem);
  const { B, T } = problem.row.dims as { readonly B: number; readonly T: number };
  const integers = (name: string): number[] => Array.from(problem.inputs[name]!.data as BigInt64Array, Number);
  const labels = integers('labels');
  const classes = sizes.vocab_size!;
  const oneHot = new Float32Array(B * (T - 1) * classes);
  for (let b = 0; b < B; b++) {
    for (let t = 1; t < T; t++) oneHot[(b * (T - 1) + t - 1) * classes + labels[b * T + t]!] = 1;
  }
  const inputs = {
    ids: o.constant(Int32Array.from(integers('input_ids')), [B * T]),
    oneHot: o.constant(oneHot, [B * (T - 1), classes]),
    ...tables(o, problem, 0),
  };
  const loss = (w: Weights<T>, all: Inputs<T>): T =>
    phiLoss(o, w, sizes, { ids: all.ids!, oneHot: all.oneHot! }, { B, T }, phiInputs(all));
  return { inputs, loss };
}

function floats<T>(o: Ops<T>, inputs: Tensors, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(
    names.map((name) => [name, o.constant(inputs[name]!.data as Float32Array, inputs[name]!.shape)]),
  );
}

/** One new token sees every key, so that a decode step needs no mask. */
function tables<T>(o: Ops<T>, problem: Problem, past: number): Record<string, T> {
  const length = problem.row.dims.T!;
  const { shape, cos, sin, causal } = phiTables(phiSizes(problem), length, past);
  return {
    cos: o.constant(cos, shape),
    sin: o.constant(sin, shape),
    ...(length > 1 && { bias: o.constant(causal, [1, 1, length, length]) }),
  };
}

function phiInputs<T>(all: Inputs<T>): PhiInputs<T> {
  return { cos: all.cos!, sin: all.sin!, bias: all.bias };
}
