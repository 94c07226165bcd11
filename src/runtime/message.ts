/** One record of the catalogue of errors: its stable code and its text. */
export interface Message<C extends string, D> {
  readonly code: C;
  readonly text: (details: D) => string;
}

export function message<C extends string, D>(code: C, text: (details: D) => string): Message<C, D> {
  return { code, text };
}
