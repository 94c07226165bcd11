/** What an ONNX file has that MDL has not: each kind once, with how often and where first. */

export interface Problem {
  /** `NonZero`, `Conv`, `the input images` */
  readonly what: string;
  readonly why: string;
  readonly count: number;
  /** name of the first node, or '' */
  readonly first: string;
}

/** A node cannot be imported: `message` says why. */
export class Refusal extends Error {}

export class Problems {
  private readonly found = new Map<string, { what: string; why: string; count: number; first: string }>();

  add(what: string, why: string, first: string): void {
    const key = `${what}\n${why}`;
    const before = this.found.get(key);
    if (before) before.count++;
    else this.found.set(key, { what, why, count: 1, first });
  }

  get list(): readonly Problem[] {
    return [...this.found.values()];
  }
}
