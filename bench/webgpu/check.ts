/** Whether results are right: a row that is not is printed as wrong, and never as a time. */
import type { Results } from './contestant.ts';
import type { Answer } from './problem.ts';

/** What is wrong; undefined when nothing is. `only` the outputs that `results` has, for the runs after the first. */
export function mistake(results: Results, answer: Answer, tolerance: number, only = false): string | undefined {
  for (const [name, expected] of Object.entries(answer)) {
    const found = results[name];
    if (!found && only) continue;
    if (!found) return `${name} is missing`;
    if (found.length !== expected.length) return `${name} has ${found.length} elements, not ${expected.length}`;
    let most = 0;
    let worst = 0;
    for (const [i, value] of expected.entries()) {
      if (Number.isNaN(value)) continue; // no right answer
      const difference = Math.abs(found[i]! - value);
      most = Math.max(most, Math.abs(value));
      worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
    }
    if (!(worst <= tolerance * most)) return `${name} is off by ${(worst / most).toExponential(1)} of its largest`;
  }
  return undefined;
}
