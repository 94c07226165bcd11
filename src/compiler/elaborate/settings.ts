import { nearest } from '../../shared/nearest.ts';
import type { Program } from '../check/program.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import { createSource, type Span } from '../diagnostics/span.ts';
import { didYouMean, fix, suggest } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import { keysOfJson } from './json-places.ts';
import { type ConfigField, type ConfigRecord, describe, float, int, list, NONE, type Value } from './values.ts';

export type SetValue = string | { readonly name: string; readonly text: string };

export interface SettingsRequest {
  readonly config?: string;
  /** `--set name=value`, in order: as that text, or its name and the text after `=` */
  readonly set?: readonly SetValue[];
  /** the contents of `--config-file`; applied before `set` */
  readonly values?: { readonly [name: string]: unknown };
  /** where `values` came from, for messages */
  readonly valuesOrigin?: string;
  /** the JSON that `values` was read from, so that messages point into the user's own file */
  readonly valuesText?: string;
}

export interface Settings {
  readonly configName: string;
  readonly config: ConfigRecord;
  readonly flags: ReadonlyMap<string, boolean>;
  /** flags whose value differs from the file's default */
  readonly changedFlags: readonly string[];
}

/** Evaluates a config expression; handed in, since the evaluator is built on top of settings. */
export type Evaluate = (expression: ast.Expression, within: readonly ConfigRecord[]) => Value;

export function resolveSettings(
  program: Program,
  request: SettingsRequest,
  bag: DiagnosticBag,
  evaluate: Evaluate,
): Settings {
  const flags = new Map([...program.flags].map(([name, flag]) => [name, flag.value]));
  const config: ConfigRecord = { path: '', fields: new Map() };
  const names = [...program.configs.keys()];
  const known = request.config === undefined || program.configs.has(request.config);
  // an unknown config is reported once; the first stands in for it, so that nothing follows from that
  const configName = (known ? request.config : undefined) ?? names[0] ?? '';
  const set = (request.set ?? []).map(settingOf);
  const commandLine = new CommandLine(request.config, set);
  if (request.config !== undefined && !known) {
    bag.add(
      diagnose('unknown_config', { name: request.config }, commandLine.config, {
        notes: [`the configs of ${program.root.source.path} are ${names.join(', ') || '(none)'}`],
        suggestions: fix(didYouMean(request.config, names, commandLine.config)),
      }),
    );
  }
  const resolver = new Resolver(program, config, flags, bag, evaluate);
  for (const [depth, declaration] of chainOf(program, configName, bag).entries()) {
    resolver.declared(config, declaration.fields, depth === 0);
  }
  if (request.values) {
    const origin = request.valuesOrigin ?? 'config file';
    resolver.outside(
      config,
      request.values,
      placesInJson(origin, request.valuesText ?? JSON.stringify(request.values, null, 2)),
    );
  }
  for (const [index, { name, text, given }] of set.entries()) {
    if (given !== undefined) bag.add(diagnose('setting_form', { given }, commandLine.settings[index]!));
    else resolver.outside(config, nest(name.split('.'), parseSetting(text)), () => commandLine.settings[index]!);
  }
  const changedFlags = [...flags]
    .filter(([name, value]) => program.flags.get(name)!.value !== value)
    .map(([name]) => name);
  return { configName, config, flags, changedFlags };
}

/** @returns `given` for what is no setting */
function settingOf(one: unknown): { readonly name: string; readonly text: string; readonly given?: string } {
  const at = typeof one === 'string' ? one.indexOf('=') : -1;
  if (typeof one === 'string' && at > 0) return { name: one.slice(0, at), text: one.slice(at + 1) };
  const { name, text } = (typeof one === 'object' && one !== null ? one : {}) as Readonly<Record<string, unknown>>;
  if (typeof name === 'string' && name !== '' && typeof text === 'string') return { name, text };
  const given = JSON.stringify(one) ?? String(one);
  return { name: given, text: '', given };
}

/** `true`, `3`, `1e-5`, `[1, 2]`, `text`: what stands after `=` on the command line. */
function parseSetting(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function nest(path: readonly string[], value: unknown): { [name: string]: unknown } {
  return path.reduceRight<unknown>((inner, name) => Object.fromEntries([[name, inner]]), value) as {
    [name: string]: unknown;
  };
}

/** Where settings from outside stand, for messages. */
export const COMMAND_LINE = 'command line';

/** The settings as source text, so that diagnostics can show and underline them. */
class CommandLine {
  readonly config: Span;
  /** the names in `--set name=value`, in order */
  readonly settings: readonly Span[];

  constructor(config: string | undefined, set: readonly { readonly name: string; readonly text: string }[]) {
    const short = (text: string): string => (text.length > 200 ? `${text.slice(0, 199)}…` : text);
    const words = config === undefined ? [] : [`--config ${short(config)}`];
    for (const { name, text } of set) words.push(`--set ${short(name)}=${short(text)}`);
    const source = createSource(COMMAND_LINE, words.join(' '));
    const starts: number[] = [];
    for (const [index] of words.entries()) starts.push(words.slice(0, index).join(' ').length + (index > 0 ? 1 : 0));
    const span = (start: number, length: number): Span => ({ source, start, end: start + length });
    this.config = span('--config '.length, short(config ?? '').length);
    this.settings = set.map(({ name }, index) =>
      span(starts[index + words.length - set.length]! + '--set '.length, short(name).length),
    );
  }
}

/** Where a dotted name stands in the JSON that gives it a value. */
type Places = (path: string) => Span;

function placesInJson(origin: string, text: string): Places {
  const source = createSource(origin, text);
  const keys = keysOfJson(source.text);
  return (path) => ({ source, ...(keys.get(path) ?? { start: 0, end: 0 }) });
}

/** Base first. */
function chainOf(program: Program, name: string, bag: DiagnosticBag): ast.ConfigDeclaration[] {
  const chain: ast.ConfigDeclaration[] = [];
  let current = program.configs.get(name);
  while (current) {
    if (chain.includes(current)) {
      const cycle = [...chain.map((config) => config.name.text), current.name.text].join(' → ');
      bag.add(diagnose('config_cycle', { cycle }, current.name.span));
      break;
    }
    chain.push(current);
    const base: ast.Name | undefined = current.extends;
    if (!base) break;
    const next = program.configs.get(base.text);
    if (!next) {
      bag.add(
        diagnose('unknown_config', { name: base.text }, base.span, {
          suggestions: fix(didYouMean(base.text, program.configs.keys(), base.span)),
        }),
      );
    }
    current = next;
  }
  return chain.reverse();
}

class Resolver {
  private readonly program: Program;
  private readonly root: ConfigRecord;
  private readonly flags: Map<string, boolean>;
  private readonly bag: DiagnosticBag;
  private readonly evaluate: Evaluate;

  constructor(
    program: Program,
    root: ConfigRecord,
    flags: Map<string, boolean>,
    bag: DiagnosticBag,
    evaluate: Evaluate,
  ) {
    this.program = program;
    this.root = root;
    this.flags = flags;
    this.bag = bag;
    this.evaluate = evaluate;
  }

  /** Fields of a config declaration; `schema`: this is the base, whose fields are new. */
  declared(record: ConfigRecord, fields: readonly ast.ConfigField[], schema: boolean): void {
    const seen = new Map<string, Span>();
    for (const { name, value } of fields) {
      const key = value.kind === 'fields' ? `record ${name.text}` : name.text;
      const twice = seen.get(key);
      if (twice) {
        this.bag.add(
          diagnose('duplicate_name', { name: name.text }, name.span, {
            secondary: [{ span: twice, message: 'first given here' }],
          }),
        );
      }
      seen.set(key, name.span);
      const before = record.fields.get(name.text);
      if (record.path === '' && value.kind !== 'fields' && this.flags.has(name.text)) {
        if (value.kind === 'bool') this.flags.set(name.text, value.value);
        else this.notAFlagsValue(name.text, describe(this.evaluate(value, this.within(record))), name.span);
        continue;
      }
      if (!before && !schema) {
        this.unknown(record, name.text, name.span);
        continue;
      }
      if (value.kind === 'fields') {
        if (before && before.content.kind !== 'record') {
          this.wrongType(record, name.text, before, 'a record', name.span);
          continue;
        }
        const inner =
          before?.content.kind === 'record'
            ? before.content.record
            : { path: join(record.path, name.text), fields: new Map() };
        if (!before)
          record.fields.set(name.text, {
            name: name.text,
            span: name.span,
            content: { kind: 'record', record: inner },
          });
        this.declared(inner, value.fields, schema);
        continue;
      }
      // a value that does not fit is reported once: what follows sees the one before
      if (before && !this.canOverride(record, before, value, name.span)) continue;
      record.fields.set(name.text, {
        name: name.text,
        span: value.span,
        content: { kind: 'expression', expression: value },
      });
    }
  }

  /** What a field's expression sees: its own record, then the whole config. */
  private within(record: ConfigRecord): readonly ConfigRecord[] {
    return record === this.root ? [record] : [record, this.root];
  }

  private canOverride(record: ConfigRecord, before: ConfigField, value: ast.Expression, at: Span): boolean {
    if (before.content.kind === 'record') {
      this.wrongType(record, before.name, before, 'a single value', at);
      return false;
    }
    const old =
      before.content.kind === 'value'
        ? before.content.value
        : this.evaluate(before.content.expression, this.within(record));
    const fresh = this.evaluate(value, this.within(record));
    if (fits(old, fresh)) return true;
    this.wrongType(record, before.name, before, describe(fresh), at);
    return false;
  }

  /** Values from outside the program: plain JSON. */
  outside(record: ConfigRecord, values: { readonly [name: string]: unknown }, places: Places): void {
    for (const [name, value] of Object.entries(values)) {
      const at = places(join(record.path, name));
      const field = record.fields.get(name);
      if (record.path === '' && typeof value === 'boolean' && this.flags.has(name)) {
        this.flags.set(name, value);
        continue;
      }
      if (!field) {
        if (record.path === '' && this.flags.has(name)) this.notAFlagsValue(name, show(value), at);
        else this.unknown(record, name, at);
        continue;
      }
      if (field.content.kind === 'record') {
        if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
          this.outside(field.content.record, value as { [name: string]: unknown }, places);
        } else this.wrongType(record, name, field, show(value), at);
        continue;
      }
      const old =
        field.content.kind === 'value'
          ? field.content.value
          : this.evaluate(field.content.expression, this.within(record));
      const fresh = fromJson(value, old);
      if (fresh === undefined || !fits(old, fresh)) {
        this.wrongType(record, name, field, show(value), at);
        continue;
      }
      record.fields.set(name, { name, span: at, content: { kind: 'value', value: fresh } });
    }
  }

  private notAFlagsValue(name: string, found: string, at: Span): void {
    const secondary = [{ span: this.program.flags.get(name)!.name.span, message: 'the flag is declared here' }];
    const notes = ['a config gives a flag `true` or `false`; a value of another kind needs another name'];
    const expected = 'a flag (true or false)';
    this.bag.add(diagnose('setting_type', { name, expected, found }, at, { secondary, notes }));
  }

  private unknown(record: ConfigRecord, name: string, at: Span): void {
    const full = join(record.path, name);
    const candidates = record.path === '' ? [...record.fields.keys(), ...this.flags.keys()] : [...record.fields.keys()];
    const near = nearest(name, candidates) ?? (record.path === '' ? this.nearestAnywhere(record, name) : undefined);
    const inFile = this.program.files.get(at.source.path)?.source === at.source;
    const meant = near && (inFile ? near : join(record.path, near));
    const suggestions = fix(meant === undefined ? undefined : suggest(meant, at));
    this.bag.add(diagnose('unknown_setting', { name: full }, at, { suggestions }));
  }

  /** `num_layers` → `phi.num_layers`: the name exists one level down. */
  private nearestAnywhere(record: ConfigRecord, name: string): string | undefined {
    for (const field of record.fields.values()) {
      if (field.content.kind === 'record' && field.content.record.fields.has(name)) return `${field.name}.${name}`;
    }
    return undefined;
  }

  private wrongType(record: ConfigRecord, name: string, field: ConfigField, found: string, at: Span): void {
    const kind = field.content.kind;
    const old =
      field.content.kind === 'value'
        ? field.content.value
        : field.content.kind === 'expression'
          ? this.evaluate(field.content.expression, this.within(record))
          : undefined;
    this.bag.add(
      diagnose(
        'setting_type',
        {
          name: join(record.path, name),
          expected: kind === 'record' ? 'a record' : `${old?.kind === 'int' ? 'an int' : `a ${old?.kind}`}`,
          found,
        },
        at,
        {
          secondary:
            field.span.end > field.span.start
              ? [
                  {
                    span: field.span,
                    message: `${field.name} is ${kind === 'record' ? 'a record' : 'given'} here first`,
                  },
                ]
              : [],
        },
      ),
    );
  }
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** Whether a new value may stand where the old one stood: the same kind, an int for a float, anything for none. */
function fits(old: Value, fresh: Value): boolean {
  if (old.kind === 'error' || fresh.kind === 'error' || old.kind === 'none') return true;
  if (old.kind === 'float' && fresh.kind === 'int') return true;
  return old.kind === fresh.kind;
}

/** A value from outside, short enough for a message. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a record';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Lists in lists deeper than this come from no config. */
const MAX_DEPTH = 16;

function fromJson(value: unknown, like: Value | undefined, depth = 0): Value | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (value === null) return NONE;
  if (typeof value === 'boolean') return { kind: 'bool', value };
  if (typeof value === 'string') return { kind: 'string', value };
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && like?.kind !== 'float' ? int(value) : float(value);
  if (Array.isArray(value)) {
    const first = like?.kind === 'list' ? like.items[0] : undefined;
    const items = value.map((item: unknown) => fromJson(item, first, depth + 1));
    return items.every((item) => item !== undefined) ? list(items) : undefined;
  }
  return undefined;
}
