/**
 * The functions and classes of model.py: bodies that do the same are one function, modules with the same text one class.
 *
 *   recordings ─ by module and name ─▶ bodies ─ write, callees first ─▶ methods ─ by text ─▶ classes
 */

import type { ModuleInstance } from '../../elaborate/instance.ts';
import type { BodyRun, Step } from '../../elaborate/record.ts';
import { isInlined, type Recording, takesCache } from './bodies.ts';
import { branched, differsInTraining, questionOf, type Side, sidesOf, type Traced } from './branches.ts';
import type { Context } from './context.ts';
import { serves } from './equal.ts';
import { HELPERS } from './helpers.ts';
import { torchLayer } from './layers.ts';
import { indented } from './layout.ts';
import { TorchProblem } from './problem.ts';
import { docString, Names } from './python.ts';
import { MODULE_ATTRIBUTES } from './reserved.ts';
import { hasParameters, isList, keyOf, placeOf, type Tree } from './tree.ts';
import { type Written, writeBody } from './writer.ts';

type HelperName = keyof typeof HELPERS;

interface Variant extends Side, Written {
  readonly name: string;
  /** all that it is the text of */
  readonly runs: ReadonlySet<BodyRun>;
}

/** All runs of one body: of a module's forward, or of a function. */
interface Group {
  readonly name: string;
  readonly owner: ModuleInstance | undefined;
  readonly runs: Traced[];
  variants: Variant[] | undefined;
}

/** What every model.py has in sight, whatever the model. */
const GLOBALS = ['torch', 'nn', 'F', 'Path', 'json', ...Object.keys(HELPERS), 'extended', 'load', 'read_safetensors'];

export class Functions {
  readonly helpers = new Set<HelperName>();
  /** functions outside of modules, by the text of their bodies */
  readonly free: string[][] = [];
  readonly globals = new Names(GLOBALS);
  /** functions of autograd by name */
  readonly gradients = new Map<string, readonly string[]>();
  private readonly tree: Tree;
  private readonly groups = new Map<string, Group>();
  private readonly byRun = new Map<BodyRun, string>();
  private readonly names = new Map<ModuleInstance, Names>();

  /** @param recordings of inference and, where a body asks is_training(), of training */
  constructor(tree: Tree, recordings: readonly Recording[]) {
    this.tree = tree;
    for (const recording of recordings) this.collect({ kind: 'call', run: recording.entry }, recording);
  }

  private collect(step: Step, recording: Recording): void {
    if (step.kind === 'statement') for (const inner of step.steps) this.collect(inner, recording);
    if (step.kind === 'loop')
      for (const { steps } of step.iterations) for (const inner of steps) this.collect(inner, recording);
    if (step.kind !== 'call') return;
    const { run } = step;
    for (const inner of run.steps) this.collect(inner, recording);
    if (isInlined(run)) return;
    const owner = run.self && placeOf(run.self);
    const where = owner ? keyOf(owner) : run.span.source.path;
    const id = `${run.kind} ${run.name} ${run.kind === 'function' || run.kind === 'entry' ? run.span.start : ''} ${where}`;
    const group = this.groups.get(id) ?? { name: nameOf(run), owner, runs: [], variants: undefined };
    group.runs.push({ run, recording });
    this.groups.set(id, group);
    this.byRun.set(run, id);
  }

  /** Whether a body of the module asks is_training(). */
  asks(instance: ModuleInstance | undefined): boolean {
    const owner = instance && placeOf(instance);
    const own = [...this.groups.values()].filter((group) => owner && group.owner === owner);
    return own.some(({ runs }) => runs.some(({ run }) => questionOf(run) !== undefined));
  }

  /** Methods of a module, each with its decorations, as lines. */
  methodsOf(instance: ModuleInstance): string[][] {
    const own = [...this.groups.values()].filter(({ owner }) => owner === instance);
    return own.flatMap((group) => this.variantsOf(group).map((variant) => this.definition(variant)));
  }

  private definition({ run, name, lines, parameters, recording, training }: Variant): string[] {
    const method = run.self !== undefined;
    const caches = takesCache(run, recording) || (training && takesCache(training.run, training.recording));
    const cache = caches && run.kind !== 'entry' ? ['cache=None'] : [];
    const past = run.kind === 'entry' && recording.cached ? [`${pastName(recording)}=None`] : [];
    const all = [...(method ? ['self'] : []), ...parameters, ...cache, ...past];
    const doc = run.doc === '' ? [] : docString(run.doc);
    if (past.length > 0) this.helpers.add('Cache');
    const opening = past.length > 0 ? [`cache = Cache(${pastName(recording)})`] : [];
    return [`def ${name}(${all.join(', ')}):`, ...indented([...doc, ...opening, ...lines])];
  }

  private variantsOf(group: Group): Variant[] {
    if (group.variants) return group.variants;
    const found: (Variant & { readonly code: string })[] = [];
    for (const side of sidesOf(group.runs)) {
      const written = this.write(side);
      const code = written.lines.map(withoutComment).filter(Boolean).join('\n') + written.parameters.join();
      const runs = [side.run, ...(side.training ? [side.training.run] : [])];
      const same = found.findIndex((variant) => variant.code === code || this.serves(variant, side));
      const served = same >= 0 ? same : found.findIndex((variant) => this.serves(side, variant));
      const known = found[served];
      if (!known) found.push({ ...side, ...written, code, runs: new Set(runs), name: this.nameFor(group) });
      else {
        const text = same >= 0 ? known : { ...side, ...written, code };
        found[served] = { ...text, runs: new Set([...known.runs, ...runs]), name: known.name };
      }
    }
    const [first, second] = found;
    if (second && first!.run.kind === 'entry') throw differsInTraining(first!.run);
    group.variants = found;
    if (!group.owner) for (const variant of found) this.free.push(this.definition(variant));
    return found;
  }

  /** A body's text; of one that asks is_training(), that of both answers. */
  private write({ run, recording, training }: Side): Written {
    const inference = writeBody(run, this.context(recording));
    if (!training) return inference;
    return branched(inference, writeBody(training.run, this.context(training.recording)));
  }

  private serves(general: Side, special: Side): boolean {
    const callee = (run: BodyRun): string => `${this.byRun.get(run)} ${this.variantOf(run).name}`;
    const [one, other] = [general.training, special.training];
    if ((one === undefined) !== (other === undefined)) return false;
    return serves(general, special, callee) && (!one || !other || serves(one, other, callee));
  }

  private nameFor({ owner, name }: Group): string {
    if (!owner) return this.globals.take(name);
    const names = this.names.get(owner) ?? new Names(this.reserved(owner), 'attributes');
    this.names.set(owner, names);
    return names.take(name);
  }

  /** Members are attributes too, and so are torch's own methods: none of ours may have their names. */
  private reserved(owner: ModuleInstance): string[] {
    const members = this.tree.at(keyOf(owner))?.children.keys() ?? [];
    return [...members, ...[...MODULE_ATTRIBUTES].filter((name) => name !== 'forward')];
  }

  /** The function that a run is a call of. */
  variantOf(run: BodyRun): Variant {
    const group = this.groups.get(this.byRun.get(run)!)!;
    return this.variantsOf(group).find(({ runs }) => runs.has(run))!;
  }

  private context(recording: Recording): Context {
    return {
      recording,
      globals: this.globals.all,
      callee: (run, from, alias) => this.callee(run, from, alias),
      takesDevice: (run) => this.variantOf(run).takesDevice,
      hasParameters: (instance) => hasParameters(this.tree.at(keyOf(instance))),
      asks: (instance) => this.asks(instance),
      parameter: (key, from, alias) => this.below(key, from, alias),
      helper: (name) => {
        this.helpers.add(name);
        return name;
      },
      gradientClass: (asked, lines) => this.gradientClass(asked, lines),
      wholeList: (keys, from) => this.wholeList(keys, from),
    };
  }

  private gradientClass(asked: string, lines: readonly string[]): string {
    const code = (body: readonly string[]): string => body.map(withoutComment).join('\n');
    const known = [...this.gradients].find(([, body]) => code(body) === code(lines));
    if (known) return known[0];
    const name = this.globals.take(asked);
    this.gradients.set(name, lines);
    return name;
  }

  private callee(run: BodyRun, from: BodyRun, alias: ReadonlyMap<string, string>): string {
    const { name } = this.variantOf(run);
    if (!run.self) return name;
    const object = this.below(keyOf(run.self), from, alias);
    if (torchLayer(run.self) !== undefined) return object;
    return run.kind === 'forward' && name === 'forward' ? object : `${object}.${name}`;
  }

  /** Text of what has a key, from inside a body. @throws TorchProblem */
  private below(key: string, from: BodyRun, alias: ReadonlyMap<string, string>): string {
    for (const [start, variable] of alias)
      if (key === start || key.startsWith(`${start}.`)) return this.tree.path(start, key, variable)!;
    const path = from.self && this.tree.path(keyOf(from.self), key);
    if (path !== undefined) return path;
    const place = from.self ? keyOf(from.self) || 'the model' : `the function ${from.name}`;
    throw new TorchProblem('torch_key', { key, reason: `${place} uses it, and it belongs to another module` });
  }

  private wholeList(keys: readonly string[], from: BodyRun): string | undefined {
    const key = keys[0]!.replace(/\.?[^.]*$/, '');
    const node = this.tree.at(key);
    if (!node || !isList(node) || node.children.size !== keys.length) return undefined;
    if (keys.some((one, index) => one !== `${key}.${index}`)) return undefined;
    return from.self && this.tree.path(keyOf(from.self), key);
  }
}

const nameOf = (run: BodyRun): string => (run.kind === 'forward' ? 'forward' : run.kind === 'base' ? 'base' : run.name);

/** `past_key_values` of the ports `past_key_values.0.key`. */
export const pastName = ({ graph }: Recording): string => {
  const name = graph.inputs.find(({ name: port }) => /\.\d+\.[^.]*$/.test(port))?.name ?? 'past';
  return new Names().take(name.replace(/\.\d+\.[^.]*$/, ''));
};

const withoutComment = (line: string): string => line.replace(/ {2}# .*$/, '').replace(/^\s*# .*$/, '');
