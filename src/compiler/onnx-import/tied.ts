/**
 * What of an imported model trains otherwise than its modules suggest. An exporter stores equal tensors once, also those that were equal by chance:
 * the modules that read one have one parameter. One that is read both ways is held twice, and the copies have gradients of their own.
 */
import type { Graph, ValueId } from '../ir/graph.ts';
import type { PlacedTensor } from './keys.ts';

/** Of tensors, and of the modules that read one. */
const SHOWN = 4;

/** A note for each such initialiser, as many as one reads. */
export function tiedNotes(graph: Graph, tensors: readonly (PlacedTensor & { readonly key: string })[]): string[] {
  const readers = new Map<ValueId, Set<string>>();
  for (const { inputs, origin } of graph.nodes)
    for (const value of inputs) readers.set(value, (readers.get(value) ?? new Set()).add(origin.path));
  const training = tensors.filter(({ trains }) => trains);
  const tied = training.flatMap(({ key, value }) => {
    const modules = [...(readers.get(value) ?? [])].map((path) => path || 'the model itself');
    return modules.length < 2 ? [] : `${key} is read by ${some(modules)}: it trains as one parameter, tied`;
  });
  const plain = new Map(training.filter(({ turned }) => !turned).map(({ source, key }) => [source, key]));
  const apart = training.flatMap(({ source, key, turned }) => {
    const other = turned ? plain.get(source) : undefined;
    return other === undefined ? [] : `${key} is a transposed copy of ${other}: the two train apart`;
  });
  const notes = [...tied, ...apart];
  const more = notes.length - SHOWN;
  return more > 0 ? [...notes.slice(0, SHOWN), `and ${more} more that are shared or held twice`] : notes;
}

const some = (names: readonly string[]): string =>
  names.length > SHOWN
    ? `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more`
    : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
