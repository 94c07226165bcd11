/** What is done about rows that cannot be used: the first ends the command, or each is left out and the user is told. */
import { runtimeError } from '../../runtime/errors.ts';
import type { DataRequest } from '../recipe.ts';

/** Rows that are named one by one; of the rest only the number is told. */
const NAMED = 10;

export interface BadRow {
  readonly file: string;
  /** from 1; of a row of an array from 0 */
  readonly line: number;
  /** `line` when absent */
  readonly unit?: 'row';
  /** `is not JSON` */
  readonly reason: string;
  /** `an object with the text "text"` */
  readonly expected: string;
}

export interface BadRows {
  /** @throws RuntimeError R1140 unless rows are skipped */
  report(row: BadRow): void;
  /** Tells how many rows were skipped without being named. */
  finish(): void;
}

export function badRows({ badRows: what, note }: Pick<DataRequest, 'badRows' | 'note'>): BadRows {
  let count = 0;
  return {
    report({ file, line, unit = 'line', reason, expected }) {
      const place = `${unit} ${line} of ${file}`;
      if (what === 'fail') throw runtimeError('data_row', { place, reason, expected });
      count++;
      if (count <= NAMED) note(`skipped ${place}: it ${reason}`);
    },
    finish() {
      if (count > NAMED) note(`skipped ${count - NAMED} more rows, ${count} in all`);
    },
  };
}
