/** One error of the command line: its code, its message and its long form. */
export interface Entry<C extends string, D> {
  readonly code: C;
  readonly message: (details: D) => string;
  readonly explanation: string;
}

export function entry<C extends string, D>(code: C, message: (details: D) => string, explanation: string): Entry<C, D> {
  return { code, message, explanation };
}
