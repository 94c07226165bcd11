/**
 * What an entry's graph is made of: the units that names lead to from it. As long as none of them changes, and the
 * settings do not, tracing the entry again would find the same.
 *
 * All that runs is named by what runs before it; adapters, which go on modules by their paths, and what is quantised are counted always.
 */
import type { Definition } from '../check/binding.ts';
import type { NameTable } from '../check/name-table.ts';
import type { Program } from '../check/program.ts';
import type { Unit, Units } from './units.ts';

/** Kinds of units whose values are in the settings. */
const IN_SETTINGS = new Set(['config', 'flag']);

export class Reach {
  private readonly units: Units;
  private readonly edges = new Map<string, Set<string>>();
  private readonly always: readonly Unit[];

  constructor(program: Program, names: NameTable, units: Units) {
    this.units = units;
    this.always = [...units.all].filter(({ kind }) => kind === 'adapt' || kind === 'quantise' || kind === 'model');
    for (const path of program.files.keys()) {
      for (const { span, definition } of names.namesIn(path)) {
        const from = units.at(path, span.start);
        if (!from) continue;
        const edges = this.edges.get(from.key) ?? new Set<string>();
        this.edges.set(from.key, edges);
        for (let to: Definition | undefined = definition; to; to = to.target) {
          const unit = units.at(to.span.source.path, to.span.start);
          if (unit && unit !== from) edges.add(unit.key);
        }
      }
    }
  }

  /** The texts of all that an entry is made of. */
  of(entry: Unit): string {
    const reached = new Set([entry.key, ...this.always.map(({ key }) => key)]);
    for (const key of reached) for (const next of this.edges.get(key) ?? []) reached.add(next);
    const texts = [...reached].sort().flatMap((key) => {
      const unit = this.units.get(key)!;
      return IN_SETTINGS.has(unit.kind) ? [] : [`${key}\n${this.units.textOf(unit)}`];
    });
    return texts.join('\n\n');
  }
}
