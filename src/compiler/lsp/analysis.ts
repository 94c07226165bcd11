/**
 * A program under chosen settings, analysed again after each edit: files whose text did not change are not parsed again,
 * and entries that are made of the same texts are not traced again. What tracing found is kept relative to the units of
 * the program (units.ts), since an edit above moves it.
 */
import { DECLARATIONS } from '../../recipes/declarations.ts';
import type { NameTable } from '../check/name-table.ts';
import { checkNames } from '../check/names.ts';
import { loadProgram, type Program, type SourceHost } from '../check/program.ts';
import { type Diagnostic, DiagnosticBag, type Label } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { BUILTINS } from '../elaborate/builtins/index.ts';
import { elaborate, type Model } from '../elaborate/model.ts';
import { type Observed, Observer } from '../elaborate/observer.ts';
import type { Choice } from './choice.ts';
import { ParseCache } from './parse-cache.ts';
import { Reach } from './reach.ts';
import { type Located, type Unit, Units } from './units.ts';

export interface Analysis {
  /** project-relative path of the root file */
  readonly path: string;
  /** undefined when a file does not parse */
  readonly program: Program | undefined;
  readonly names: NameTable | undefined;
  readonly model: Model | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly facts: Facts;
}

/** What expressions and names are, by place. */
export class Facts {
  private readonly units: Units | undefined;
  private readonly known = new Map<string, Map<string, Fact>>();

  constructor(units?: Units) {
    this.units = units;
  }

  add(facts: readonly Fact[]): void {
    for (const fact of facts) {
      const { unit, start, end } = fact.at;
      const places = this.known.get(unit) ?? new Map<string, Fact>();
      this.known.set(unit, places);
      const key = `${start} ${end}`;
      if (!places.has(key)) places.set(key, fact);
    }
  }

  /** What stands at exactly this place. */
  at(span: Span): Fact | undefined {
    const located = this.units?.locate(span);
    return located && this.known.get(located.unit)?.get(`${located.start} ${located.end}`);
  }
}

export interface Fact {
  readonly at: Located;
  readonly text: string;
  readonly tensor: boolean;
}

/** A diagnostic whose places move with their units. */
interface Finding {
  readonly diagnostic: Diagnostic;
  readonly primary: Located;
  readonly secondary: readonly Located[];
  readonly suggestions: readonly Located[];
}

/** What tracing an entry found, and the texts that it is made of. */
interface Traced {
  readonly made: string;
  readonly findings: readonly Finding[];
  readonly facts: readonly Fact[];
  /** the texts of units outside of `made` that findings point at */
  readonly beside: ReadonlyMap<string, string>;
}

/** Keeps what is added while it records, repeated diagnostics of other instances included. */
class RecordingBag extends DiagnosticBag {
  private recorded: Diagnostic[] | undefined;

  override add(diagnostic: Diagnostic): void {
    this.recorded?.push(diagnostic);
    super.add(diagnostic);
  }

  record(work: () => void): readonly Diagnostic[] {
    this.recorded = [];
    work();
    const { recorded } = this;
    this.recorded = undefined;
    return recorded;
  }
}

export class Analyser {
  private readonly host: SourceHost;
  private readonly path: string;
  private readonly parses: ParseCache;
  private traced = new Map<string, Traced>();
  /** entries traced so far */
  traces = 0;

  constructor(host: SourceHost, path: string, parses = new ParseCache()) {
    this.host = host;
    this.path = path;
    this.parses = parses;
  }

  /** The analysis of the texts as they are now. */
  analyse(choice: Choice = {}): Analysis {
    const bag = new RecordingBag();
    const { path } = this;
    const program = loadProgram(path, this.host, bag, this.parses.parse);
    const nothing = { path, program: undefined, names: undefined, model: undefined, facts: new Facts() };
    if (!program || bag.hasErrors) return { ...nothing, diagnostics: bag.sorted() };
    const names = checkNames(program, new Set(BUILTINS.keys()), bag, DECLARATIONS);
    const units = new Units(program);
    const facts = new Facts(units);
    // a file of modules only has no model to elaborate; its names are checked all the same
    const model = program.model && this.elaborate(program, names, choice, bag, units, facts);
    return { path, program, names, model, diagnostics: bag.sorted(), facts };
  }

  private elaborate(
    program: Program,
    names: NameTable,
    { config, set = {} }: Choice,
    bag: RecordingBag,
    units: Units,
    facts: Facts,
  ): Model | undefined {
    const observer = new Observer();
    const request = {
      ...(config === undefined ? {} : { config }),
      set: Object.entries(set).map(([name, value]) => ({ name, text: String(value) })),
    };
    const model = elaborate(program, names, { ...request, recipes: DECLARATIONS, observer }, bag);
    facts.add(factsOf(observer.take(), units));
    if (!model) return undefined;
    const sound = !bag.hasErrors;
    const reach = new Reach(program, names, units);
    const settings = JSON.stringify([
      model.settings.configName,
      [...model.settings.flags],
      model.config(),
      [...model.losses],
    ]);
    const traced = new Map<string, Traced>();
    for (const unit of units.all) {
      if (unit.kind !== 'entry') continue;
      const made = `${settings}\n\n${reach.of(unit)}`;
      const before = sound ? this.traced.get(unit.name) : undefined;
      const entry =
        before?.made === made && replay(before, units, bag)
          ? before
          : this.trace(model, unit, made, bag, observer, units);
      facts.add(entry.facts);
      if (sound) traced.set(unit.name, entry);
    }
    this.traced = traced;
    return model;
  }

  private trace(
    model: Model,
    { name }: Unit,
    made: string,
    bag: RecordingBag,
    observer: Observer,
    units: Units,
  ): Traced {
    this.traces++;
    const found = bag.record(() => {
      const graph = model.entry(name);
      // a loss as a stage trains it, where that is another graph
      if (model.losses.has(name) && graph?.asksTraining) model.entry(name, [], { training: { dropout: true } });
    });
    const findings = found.flatMap((diagnostic) => findingOf(diagnostic, units) ?? []);
    const beside = new Map<string, string>();
    for (const finding of findings)
      for (const { unit } of placesOf(finding)) beside.set(unit, units.textOf(units.get(unit)!));
    // a finding that has no place among the units cannot be told again
    return {
      made: findings.length === found.length ? made : '',
      findings,
      beside,
      facts: factsOf(observer.take(), units),
    };
  }
}

/** Adds an entry's findings to the bag, at the places where they are now; says whether all of them have one. */
function replay({ findings, beside }: Traced, units: Units, bag: DiagnosticBag): boolean {
  for (const [key, text] of beside) {
    const unit = units.get(key);
    if (!unit || units.textOf(unit) !== text) return false;
  }
  for (const { diagnostic, primary, secondary, suggestions } of findings) {
    const label = (old: Label, at: Located): Label => ({ ...old, span: units.spanOf(at)! });
    bag.add({
      ...diagnostic,
      primary: label(diagnostic.primary, primary),
      secondary: diagnostic.secondary.map((old, index) => label(old, secondary[index]!)),
      suggestions: diagnostic.suggestions.map((old, index) => ({ ...old, span: units.spanOf(suggestions[index]!)! })),
    });
  }
  return true;
}

function findingOf(diagnostic: Diagnostic, units: Units): Finding | undefined {
  const located = (spans: readonly { readonly span: Span }[]): Located[] | undefined => {
    const places = spans.flatMap(({ span }) => units.locate(span) ?? []);
    return places.length === spans.length ? places : undefined;
  };
  const primary = units.locate(diagnostic.primary.span);
  const secondary = located(diagnostic.secondary);
  const suggestions = located(diagnostic.suggestions);
  return primary && secondary && suggestions && { diagnostic, primary, secondary, suggestions };
}

function placesOf({ primary, secondary, suggestions }: Finding): Located[] {
  return [primary, ...secondary, ...suggestions];
}

function factsOf(observed: readonly Observed[], units: Units): Fact[] {
  return observed.flatMap(({ span, text, tensor }) => {
    const at = units.locate(span);
    return at ? [{ at, text, tensor }] : [];
  });
}
