/** How a backend that finds an index outside of its table itself says so: the session makes the error that people see. */
export interface OutsideIndex {
  /** `gather` */
  readonly op: string;
  /** its place in the .mdl file; undefined: none is known */
  readonly source: string | undefined;
  /** the index; undefined: the backend does not say */
  readonly found: string | undefined;
  /** 0 ≤ index < size was needed */
  readonly size: number;
}

export class IndexOutside extends Error {
  /** a field and not the class: the compiler and the runtime are bundles of their own, and each has this class */
  readonly outsideIndex: OutsideIndex;

  constructor(outsideIndex: OutsideIndex, cause?: unknown) {
    super(`${outsideIndex.op} reads at ${outsideIndex.found} of ${outsideIndex.size}`, { cause });
    this.outsideIndex = outsideIndex;
  }
}

export function isIndexOutside(error: unknown): error is IndexOutside {
  return error instanceof Error && 'outsideIndex' in error;
}
