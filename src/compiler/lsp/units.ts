/**
 * A program cut into units: declarations, and of a model its members. What was found in a unit is kept relative to its
 * start, so that it holds while only other units change.
 */
import type { Program } from '../check/program.ts';
import type { SourceFile, Span } from '../diagnostics/span.ts';
import type { FileSyntax } from '../syntax/ast.ts';

export interface Unit {
  /** path, kind and name; numbered where several are the same */
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  readonly source: SourceFile;
  readonly start: number;
  readonly end: number;
}

/** A span that moves with its unit. */
export interface Located {
  readonly unit: string;
  /** offsets from the unit's start */
  readonly start: number;
  readonly end: number;
}

export class Units {
  private readonly byFile = new Map<string, readonly Unit[]>();
  private readonly byKey = new Map<string, Unit>();

  constructor(program: Program) {
    for (const { syntax } of program.files.values()) {
      const units = unitsOf(syntax);
      this.byFile.set(syntax.source.path, units);
      for (const unit of units) this.byKey.set(unit.key, unit);
    }
  }

  get(key: string): Unit | undefined {
    return this.byKey.get(key);
  }

  get all(): Iterable<Unit> {
    return this.byKey.values();
  }

  /** The innermost unit at an offset of a file. */
  at(path: string, offset: number): Unit | undefined {
    const units = this.byFile.get(path) ?? [];
    let [low, high] = [0, units.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (units[middle]!.start <= offset) low = middle + 1;
      else high = middle;
    }
    // a model begins before its members and ends after them
    for (let index = low - 1; index >= 0; index--) if (offset <= units[index]!.end) return units[index];
    return undefined;
  }

  locate({ source, start, end }: Span): Located | undefined {
    const unit = this.at(source.path, start);
    return unit && { unit: unit.key, start: start - unit.start, end: end - unit.start };
  }

  spanOf({ unit, start, end }: Located): Span | undefined {
    const found = this.byKey.get(unit);
    return found && { source: found.source, start: found.start + start, end: found.start + end };
  }

  /** The text that a unit consists of; of a model only what its members are not. */
  textOf({ source, start, end, kind }: Unit): string {
    return kind === 'model' ? source.text.slice(start, source.text.indexOf('{', start)) : source.text.slice(start, end);
  }
}

function unitsOf({ source, declarations }: FileSyntax): Unit[] {
  const units: Unit[] = [];
  const seen = new Map<string, number>();
  const add = (kind: string, name: string, { start, end }: Span): void => {
    const plain = `${source.path} ${kind} ${name}`;
    const count = seen.get(plain) ?? 0;
    seen.set(plain, count + 1);
    units.push({ key: count === 0 ? plain : `${plain} ${count}`, kind, name, source, start, end });
  };
  for (const declaration of declarations) {
    add(declaration.kind, 'name' in declaration ? declaration.name.text : '', declaration.span);
    if (declaration.kind !== 'model') continue;
    for (const member of declaration.members) add(member.kind, 'name' in member ? member.name.text : '', member.span);
  }
  return units.sort((a, b) => a.start - b.start || b.end - a.end);
}
