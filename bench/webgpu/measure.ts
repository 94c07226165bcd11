/**
 * One row, all contestants: each prepares it and is checked, then they run in turn, round after round, so that what
 * else the machine does hits all of them alike. One process works at a time.
 */
import { median } from '../support.ts';
import { mistake } from './check.ts';
import { Unsupported } from './contestant.ts';
import type { Counts } from './gpu.ts';
import type { Answer } from './problem.ts';
import type { ContestantProcess } from './process.ts';
import type { PreparedReply, Timed } from './protocol.ts';
import type { Row } from './rows.ts';

export interface Pace {
  /** times that every contestant gets its turn */
  readonly rounds: number;
  /** ms that a turn should take: fast rows run several times in one */
  readonly turn: number;
}

export type Outcome =
  | {
      readonly kind: 'right';
      /** the fastest run of each round, ms */
      readonly rounds: readonly number[];
      /** median of `rounds` */
      readonly ms: number;
      /** compiling, uploading and the first run, ms */
      readonly first: number;
      readonly counts: Counts | undefined;
    }
  | { readonly kind: 'wrong' | 'unsupported' | 'failed'; readonly reason: string };

const MOST_RUNS = 20;

export async function measureRow(
  row: Row,
  answer: Answer,
  contestants: ReadonlyMap<string, ContestantProcess>,
  pace: Pace,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const running = new Map<
    string,
    { readonly first: number; rounds: number[]; counts: Counts | undefined; runs: number }
  >();
  for (const [name, contestant] of contestants) {
    try {
      const { results, first } = await contestant.ask<PreparedReply>({ kind: 'prepare', row: row.name });
      const reason = mistake(results, answer, row.tolerance);
      if (reason !== undefined) outcomes.set(name, { kind: 'wrong', reason });
      else running.set(name, { first, rounds: [], counts: undefined, runs: 1 });
    } catch (error) {
      outcomes.set(name, failure(error));
    }
  }
  for (let round = -1; round < pace.rounds; round++) {
    for (const [name, state] of running) {
      try {
        const timed = await contestants.get(name)!.ask<Timed>({ kind: 'time', row: row.name, runs: state.runs });
        const fastest = Math.min(...timed.ms);
        state.runs = Math.min(MOST_RUNS, Math.max(1, Math.round(pace.turn / fastest)));
        state.counts = timed.counts;
        if (round >= 0) state.rounds.push(fastest); // the first only tells how often to run
        // a training step goes on from where the last one ended: only its first has a known answer
        const reason = row.kind === 'inference' ? mistake(timed.results, answer, row.tolerance, true) : undefined;
        if (reason !== undefined) throw new Error(`right at first, and later ${reason}`);
      } catch (error) {
        running.delete(name);
        outcomes.set(name, failure(error));
      }
    }
  }
  for (const [name, { rounds, first, counts }] of running) {
    outcomes.set(name, { kind: 'right', rounds, ms: median(rounds), first, counts });
  }
  for (const contestant of contestants.values())
    await contestant.ask({ kind: 'dispose', row: row.name }).catch(() => {});
  return outcomes;
}

function failure(error: unknown): Outcome {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: error instanceof Unsupported ? 'unsupported' : 'failed', reason };
}
