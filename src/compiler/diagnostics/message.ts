/** What the catalogue has for each diagnostic: a code that never changes, a title, and the text of one that was found. */
export interface Message<A> {
  readonly code: string;
  readonly title: string;
  readonly text: (a: A) => string;
}

export function message<A>(code: string, title: string, text: (a: A) => string): Message<A> {
  return { code, title, text };
}

export type Named = { readonly name: string };
export type Found = { readonly found: string };

/** The long form of a message. */
export interface Explanation {
  /** markdown: what it means, why the language insists, how to fix it */
  readonly text: string;
  /** a complete file that provokes the code, where one file can */
  readonly example?: string;
}

/** One for each message of a family. */
export type Explanations<Messages> = { readonly [Name in keyof Messages]: Explanation };
