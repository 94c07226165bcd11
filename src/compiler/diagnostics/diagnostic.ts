/**
 * A diagnostic is data: a code, a message, labelled places, notes and fixes. Phases add diagnostics to a bag and
 * go on; rendering (render.ts, json.ts) is a separate matter. The texts themselves live in catalogue.ts.
 */
import type { Span } from './span.ts';

export type Severity = 'error' | 'warning';

export interface Label {
  readonly span: Span;
  /** may be empty for the primary label: then only the place is underlined */
  readonly message: string;
}

/** A fix that an editor can apply: put `replacement` in the place of `span`. */
export interface Suggestion {
  readonly message: string;
  readonly span: Span;
  readonly replacement: string;
}

export interface Diagnostic {
  /** `E0302` */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly primary: Label;
  readonly secondary: readonly Label[];
  readonly notes: readonly string[];
  readonly suggestions: readonly Suggestion[];
  /** The instance it was found in (`llama_model.model.layers.1.self_attn`): equal ones in many instances report once. */
  readonly context?: string;
}

/** Thrown where compilation cannot go on; carries everything that was found so far. */
export class DiagnosticError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    const first = diagnostics.find((d) => d.severity === 'error') ?? diagnostics[0];
    const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : '';
    super(first ? `${first.code}: ${first.message}${more}` : 'compilation failed without a diagnostic');
    this.name = 'DiagnosticError';
    this.diagnostics = diagnostics;
  }
}

/** More than anyone reads; the rest are usually consequences of the first ones. */
export const MAX_DIAGNOSTICS = 100;
/** Instances named in an `and in N more places` note before it ends with `…`. */
const MAX_PLACES = 3;

interface Entry {
  readonly diagnostic: Diagnostic;
  /** the other instances in which the same thing was found */
  readonly places: Set<string>;
}

/** Collects the diagnostics of a compilation. */
export class DiagnosticBag {
  /** by code and primary span, in order of arrival */
  readonly #entries = new Map<string, Entry>();
  #errors = 0;

  /** Adds one; an equal one (code and primary span) only adds its context to the first's note. */
  add(diagnostic: Diagnostic): void {
    const { source, start, end } = diagnostic.primary.span;
    const key = JSON.stringify([diagnostic.code, source.path, start, end]);
    const same = this.#entries.get(key);
    if (same) {
      const { context } = diagnostic;
      if (context !== undefined && context !== same.diagnostic.context) same.places.add(context);
      return;
    }
    this.#entries.set(key, { diagnostic, places: new Set() });
    if (diagnostic.severity === 'error') this.#errors++;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** Number of different diagnostics, those that `sorted` leaves out included. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * By file, then position, then order of arrival; at most MAX_DIAGNOSTICS. Where there are more, warnings go
   * first, and the last one kept says in a note how many are left out.
   */
  sorted(): readonly Diagnostic[] {
    const all = [...this.#entries.values()].map(withPlaces).sort(byPlace);
    if (all.length <= MAX_DIAGNOSTICS) return all;
    const errors = all.filter((d) => d.severity === 'error');
    const warnings = all.filter((d) => d.severity === 'warning');
    const kept = [...errors, ...warnings].slice(0, MAX_DIAGNOSTICS).sort(byPlace);
    const last = kept.pop()!;
    const leftOut = all.length - MAX_DIAGNOSTICS;
    const note = `${leftOut} more ${leftOut === 1 ? 'diagnostic is' : 'diagnostics are'} not shown`;
    return [...kept, { ...last, notes: [...last.notes, note] }];
  }

  /** Throws a DiagnosticError with everything in the bag if any of it is an error. */
  throwIfErrors(): void {
    if (this.hasErrors) throw new DiagnosticError(this.sorted());
  }
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  const [x, y] = [a.primary.span, b.primary.span];
  if (x.source.path !== y.source.path) return x.source.path < y.source.path ? -1 : 1;
  return x.start - y.start || x.end - y.end; // Array.prototype.sort is stable
}

function withPlaces({ diagnostic, places }: Entry): Diagnostic {
  if (places.size === 0) return diagnostic;
  const named = [...places].slice(0, MAX_PLACES).join(', ');
  const rest = places.size > MAX_PLACES ? ', …' : '';
  const note = `and in ${places.size} more ${places.size === 1 ? 'place' : 'places'}: ${named}${rest}`;
  return { ...diagnostic, notes: [...diagnostic.notes, note] };
}
