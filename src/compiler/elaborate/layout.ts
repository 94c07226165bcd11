/**
 * What a `layout` declaration becomes under given settings: which tensors of a checkpoint are which parameters of the
 * model, and how their elements are turned. It reads in both directions.
 */
import type { Span } from '../diagnostics/span.ts';
import type { ParameterInfo } from './instance.ts';
import type { CompiledPattern } from './pattern.ts';

/** The axes of the stored tensor, split, and the order in which the model has them. */
export interface Turn {
  /** the stored tensor's shape, its axes split */
  readonly sizes: readonly number[];
  /** of the model's axes: which of the stored ones each is */
  readonly order: readonly number[];
}

/** Some tensors of a checkpoint that are some parameters of the model. */
export interface Move {
  /** keys of the tensors, which lie one after the other along the first axis; several lists where releases differ */
  readonly sources: readonly (readonly string[])[];
  /** of each of the sources */
  readonly shape: readonly number[];
  /** the parameters, one after the other along the first axis once the whole is turned */
  readonly targets: readonly ParameterInfo[];
  /** undefined: the elements lie in the model's order */
  readonly turn: Turn | undefined;
  /** whether a file may come without it */
  readonly optional: boolean;
  readonly span: Span;
}

export interface Layout {
  readonly name: string;
  /** the module that it is of */
  readonly module: string;
  /** what it holds takes the place of what earlier sources hold */
  readonly overlay: boolean;
  /** a level that its keys may lie under: `model` of a checkpoint that has an optimiser beside it */
  readonly under: string | undefined;
  readonly moves: readonly Move[];
  /** parameters that it never has, and that are as initialised where no other source has them; by key */
  readonly initial: ReadonlySet<string>;
  /** keys that it has and the model does not use */
  readonly unused: readonly CompiledPattern[];
  /** keys that may stand beside the one whose tensor they share */
  readonly aliases: ReadonlyMap<string, string>;
  readonly span: Span;
}
