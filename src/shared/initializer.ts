/**
 * How a parameter gets its first values: data that the compiler writes and the runtime computes from.
 *
 * The names and formulas are PyTorch's (torch.nn.init). `fan_in` of a shape [out, in, …receptive field] is
 * in · field, `fan_out` is out · field.
 */
export type Initializer =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly mean: number; readonly std: number }
  /** Normal, cut to [a, b] in units of the value (not of std). */
  | {
      readonly kind: 'truncated_normal';
      readonly mean: number;
      readonly std: number;
      readonly a: number;
      readonly b: number;
    }
  /** [low, high) */
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  /** ±√(6 / ((1 + a²) · fan_in)); a is the slope of the leaky relu, √5 in torch's Linear and Conv */
  | { readonly kind: 'kaiming_uniform'; readonly a: number }
  /** ±gain · √(6 / (fan_in + fan_out)) */
  | { readonly kind: 'xavier_uniform'; readonly gain: number }
  /** 0, 1, 2, … in row-major order */
  | { readonly kind: 'arange' };
