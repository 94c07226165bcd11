/** Why weights or caches cannot be quantised as was asked; the command line's catalogue (cli/quantise-errors.ts) has the messages. */
export interface QuantiseProblems {
  readonly quantise_use: { readonly key: string; readonly op: string; readonly origin: string; readonly where: string };
  readonly quantise_trained: { readonly key: string; readonly where: string };
  readonly quantise_opset: { readonly key: string; readonly opset: number };
  readonly cache_none: { readonly stored: string; readonly entries: readonly string[] };
  readonly cache_width: { readonly port: string; readonly stored: string; readonly width: string };
  readonly quantise_name: { readonly key: string; readonly part: string };
}

export class QuantiseProblem<K extends keyof QuantiseProblems = keyof QuantiseProblems> extends Error {
  readonly kind: K;
  readonly details: QuantiseProblems[K];
  constructor(kind: K, details: QuantiseProblems[K]) {
    super(`${kind}: ${JSON.stringify(details)}`);
    this.kind = kind;
    this.details = details;
  }
}
