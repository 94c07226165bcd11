/** What is wrong with a pattern, or not supported in it. */
export class PatternError extends Error {}
