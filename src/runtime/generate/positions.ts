/** How far a decode entry reaches: by the tables that it looks positions up in, and by what it needs of its sizes. */
import { bindDims, type Measured } from '../../shared/bind-dims.ts';
import { parseDim } from '../../shared/dim-text.ts';
import type { EntryPorts } from '../backend.ts';
import { meetsRequirements } from '../feeds.ts';

/**
 * The most positions, at most `wanted`, that the entry takes a sequence of. A cached entry is asked for its last step, of one
 * token behind all others.
 * @param embeds its input of embeddings
 */
export function positionsWithin(entry: EntryPorts, wanted: number, embeds: string): number {
  const high = entry.inputs.find(({ name }) => name === 'position_ids')?.range?.high;
  const looked = typeof high === 'number' ? Math.min(high, wanted) : wanted;
  // what one position does not meet is no end of a table: the run says what it needs
  const reaches = (count: number): boolean => holds(entry, count, embeds);
  if (reaches(looked) || !reaches(1)) return looked;
  let [least, most] = [1, looked]; // the entry takes `least` and not `most`
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2);
    if (reaches(middle)) least = middle;
    else most = middle;
  }
  return least;
}

/** Whether the sizes of a step whose last position is the `count`-th meet what the entry requires. */
function holds(entry: EntryPorts, count: number, embeds: string): boolean {
  const { inputs, cache, requires = [] } = entry;
  if (requires.length === 0) return true;
  const steps = cache.length > 0 ? 1 : count;
  const measured = inputs.flatMap(({ name, shape }): Measured[] => {
    const past = cache.find((port) => port.past === name);
    const [axis, size] = past
      ? [past.axis, count - steps]
      : [1, { [embeds]: steps, position_ids: steps, attention_mask: count }[name]];
    const dim = parseDim(shape[axis] ?? 0);
    return dim === undefined || size === undefined ? [] : [{ input: name, axis, dim, size }];
  });
  const bindings = new Map();
  return bindDims(measured, bindings) !== undefined || meetsRequirements(entry, bindings);
}
