/** A kernel that no split brings under a limit every device has. */

export interface LimitDetails {
  readonly entry: string;
  /** path and line of the op */
  readonly origin: string;
  /** buffers that the kernel binds */
  readonly found: number;
  readonly limit: number;
  /** its largest parameter, and in how many buffers that lies */
  readonly parameter: string;
  readonly shards: number;
}

export class LimitError extends Error {
  readonly details: LimitDetails;

  constructor(details: LimitDetails) {
    super(`${details.origin} binds ${details.found} storage buffers, and ${details.limit} are allowed`);
    this.name = 'LimitError';
    this.details = details;
  }
}
