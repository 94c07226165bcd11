/** What a model has that no module of torch can. */
export interface TorchProblems {
  /** a checkpoint key that cannot be a path of attributes */
  readonly torch_key: { readonly key: string; readonly reason: string };
  /** an op without an expression */
  readonly torch_op: { readonly op: string; readonly reason: string };
  /** a size that nothing in a function has */
  readonly torch_size: { readonly size: string; readonly place: string };
}

export type TorchProblemName = keyof TorchProblems;

/** Becomes the error of the command line that has its name. */
export class TorchProblem<N extends TorchProblemName = TorchProblemName> extends Error {
  readonly kind: N;
  readonly details: TorchProblems[N];

  constructor(kind: N, details: TorchProblems[N]) {
    super(`${kind}: ${JSON.stringify(details)}`);
    this.name = 'TorchProblem';
    this.kind = kind;
    this.details = details;
  }
}
