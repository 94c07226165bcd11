/**
 * Entries that this process has lowered before: what a change of a flag leaves as it was is not lowered again. An entry is
 * lowered with tables of its own, and joins a plan by its tables, so it may be in any number of plans.
 *
 *   graph, ports of its cache, ranges, storage of its parameters ─▶ EntryPlan + tables of its own ─ join ─▶ the plan's
 *
 * Requests are compared as data, and not by a hash of it: a plan of another graph would give other numbers.
 */
import { equalData } from '../../../shared/equal-data.ts';
import type { Graph } from '../../ir/graph.ts';
import { type LoweredEntry, lowerEntry } from './entry.ts';
import type { EntryOptions } from './entry-options.ts';
import { joinTables } from './plan/join-tables.ts';
import type { PlanTables } from './plan/tables.ts';

/** All that an entry's plan depends on. */
interface Request {
  readonly graph: Graph;
  readonly cache: EntryOptions['cache'];
  readonly donations: EntryOptions['donations'];
  readonly ranges: EntryOptions['ranges'];
  readonly settings: ReturnType<PlanTables['settingsFor']>;
}

interface Kept {
  readonly request: Request;
  readonly entry: LoweredEntry;
  /** of the entry alone */
  readonly tables: PlanTables;
}

/** Nodes of the graphs that are kept: about 2 KB each. */
const MOST_NODES = 32_768;

export class LoweredEntries {
  private readonly mostNodes: number;
  /** the last used at the end */
  private kept: readonly Kept[] = [];

  constructor(mostNodes = MOST_NODES) {
    this.mostNodes = mostNodes;
  }

  get count(): number {
    return this.kept.length;
  }

  /**
   * An entry of the plan that has these tables. Who watches passes or kernels sees them, so nothing is taken from before.
   * @throws LimitError, IntegerError
   */
  entry(graph: Graph, plan: PlanTables, options: EntryOptions): LoweredEntry {
    const { cache, donations, ranges, after, onKernels } = options;
    const request: Request = { graph, cache, donations, ranges, settings: plan.settingsFor(graph.parameters) };
    const watched = after !== undefined || onKernels !== undefined;
    const before = watched ? undefined : this.kept.find((other) => equalData(other.request, request));
    const own = before ?? lowered(request, plan, options);
    if (!watched) this.keep(own);
    return { ...own.entry, plan: joinTables(plan, own.tables, own.entry.plan) };
  }

  private keep(used: Kept): void {
    const all = [...this.kept.filter((other) => other !== used), used];
    let nodes = 0;
    const tooMany = all.findLastIndex(({ request }) => {
      nodes += request.graph.nodes.length;
      return nodes > this.mostNodes;
    });
    // the last stays, however large it is
    this.kept = all.slice(Math.min(tooMany + 1, all.length - 1));
  }
}

function lowered(request: Request, plan: PlanTables, options: EntryOptions): Kept {
  const tables = plan.alone();
  return { request, tables, entry: lowerEntry(request.graph, tables, options) };
}

const inThisProcess = new LoweredEntries();

/** @throws LimitError, IntegerError */
export const loweredEntry: LoweredEntries['entry'] = (...request) => inThisProcess.entry(...request);
