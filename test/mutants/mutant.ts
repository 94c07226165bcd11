/** One fault put back into the sources, and the test that must then fail: see scripts/mutants.ts. */
export interface Mutant {
  /** what goes wrong for a user, in one line; where the fault once shipped, the commit that mended it */
  readonly fault: string;
  /** from the project's root */
  readonly file: string;
  /** text that stands in the file exactly once */
  readonly find: string;
  readonly replace: string;
  /** the test file, from the project's root */
  readonly test: string;
  /** part of the full name (`describe > it`) of a test in it that must fail */
  readonly fails: string;
}
