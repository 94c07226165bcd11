/**
 * A name. Within one function names of equal hints are one variable; names of the module (functions, memory, buffers) are told
 * apart as objects, and may be printed otherwise than their hints.
 */
export class Name {
  readonly hint: string;

  constructor(hint: string) {
    this.hint = hint;
  }
}
