/** How much compile-time work a model may take, and how deep it may nest: hostile and runaway programs end with an error. */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Evaluation } from './evaluation.ts';
import { Reported } from './reported.ts';
import { MAX_TABLE_ELEMENTS, type Table } from './tables.ts';

/** Steps in one compile, about a second of work; the full TinyGPT-V takes about 100 thousand. */
const MAX_STEPS = 3_000_000;
/** Expressions within expressions, through calls as well; a stack of 1 MB holds about twice as many. */
const MAX_DEPTH = 1000;

export class Effort {
  private readonly evaluator: Evaluation;
  private steps = 0;
  private exhausted = false;
  /** elements of the graph's tables, by what is in them */
  private readonly tables = new Map<string, number>();
  /** expressions being evaluated, those of calling bodies included */
  private depth = 0;

  constructor(evaluator: Evaluation) {
    this.evaluator = evaluator;
  }

  /** Counts towards the limit on compile-time work: 1 for an expression, 1 for an item of a list. */
  step(at: Span, amount = 1): void {
    this.steps += amount;
    if (this.steps <= MAX_STEPS) return;
    // what is unwinding has nothing to add
    if (!this.exhausted) {
      // also in work whose own problems are nobody's
      this.evaluator.errors++;
      const diagnostic = diagnose('too_much_work', { steps: MAX_STEPS }, at);
      this.evaluator.bag.add(this.evaluator.calls.locate(diagnostic) ?? diagnostic);
    }
    this.exhausted = true;
    throw new Reported();
  }

  /** Starts the count of steps again: each graph of a model may take as many. */
  restart(): void {
    this.steps = 0;
    this.exhausted = false;
    this.tables.clear();
  }

  /** Counts a table that compiling computes towards the graph's limit. */
  table(op: string, { key, elements }: Table, at: Span): void {
    if (this.tables.has(key)) return;
    const total = [...this.tables.values()].reduce((sum, size) => sum + size, elements);
    if (total > MAX_TABLE_ELEMENTS) {
      const before = total - elements;
      this.evaluator.fail(
        diagnose('table_too_large', { op, elements, most: MAX_TABLE_ELEMENTS }, at, {
          ...this.evaluator.here(),
          notes: before > 0 ? [`other tables of this graph have ${before} elements`] : [],
        }),
      );
    }
    this.tables.set(key, elements);
  }

  /** Runs work that recurses; `weight`: what it takes of the stack, compared with an expression. */
  nested<T>(weight: number, at: Span, work: () => T): T {
    if (this.depth + weight > MAX_DEPTH) this.evaluator.fail(diagnose('nesting_too_deep', { most: MAX_DEPTH }, at));
    this.depth += weight;
    try {
      return work();
    } finally {
      this.depth -= weight;
    }
  }
}
