/** What a model has that no module of torch can. */
export interface TorchProblems {
  /** a checkpoint key that cannot be a path of attributes */
  readonly torch_key: { readonly key: string; readonly reason: string };
  /** an op without an expression */
  readonly torch_op: { readonly op: string; readonly reason: string };
  /** a size that nothing in a function has */
  readonly torch_size: { readonly size: string; readonly place: string };
  /** a stage that cannot be trained there */
  readonly torch_stage: { readonly stage: string; readonly reason: string };
  /** caches that would be stored smaller */
  readonly torch_caches: { readonly stored: string };
  /** a body that asks is_training(), where no branch of its text can have both answers */
  readonly torch_training: { readonly body: string; readonly place: string; readonly reason: string };
}

export type TorchProblemName = keyof TorchProblems;

/** Becomes the error of the command line that has its name. */
export class TorchProblem<N extends TorchProblemName = TorchProblemName> extends Error {
  readonly kind: N;
  readonly details: TorchProblems[N];
  /** how to mend it, for this model */
  readonly notes: readonly string[];

  constructor(kind: N, details: TorchProblems[N], notes: readonly string[] = []) {
    super(`${kind}: ${JSON.stringify(details)}`);
    this.name = 'TorchProblem';
    this.kind = kind;
    this.details = details;
    this.notes = notes;
  }
}
