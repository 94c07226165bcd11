/** A number that is known when a graph is compiled, and that 32 bits cannot hold. */

export interface IntegerDetails {
  readonly entry: string;
  readonly value: number;
  /** path and line of the op */
  readonly origin: string;
}

export class IntegerError extends Error {
  readonly details: IntegerDetails;

  constructor(details: IntegerDetails) {
    super(`${details.origin} has the integer ${details.value}, which 32 bits cannot hold`);
    this.name = 'IntegerError';
    this.details = details;
  }
}
