/** Values as expressions: what is read once stands where it is read, and the rest is named in a line before. */

import { equalDims } from '../../../shared/dim.ts';
import type { BodyRun } from '../../elaborate/record.ts';
import { type AnyNode, typeOf, type ValueId } from '../../ir/graph.ts';
import { asks, type Item, isEffectful, makesOf, type Recording, readsOf, takesCache, type Written } from './bodies.ts';
import type { Context } from './context.ts';
import type { HeldBuffers } from './held.ts';
import { lowered } from './lowerings/index.ts';
import { literal } from './lowerings/pointwise.ts';
import { atom, type Expr, float, method, numberExpr, PREC, tuple, within } from './python.ts';
import { DROPS } from './reserved.ts';
import type { Variables } from './scope.ts';
import type { Sizes } from './sizes.ts';
import { pickOf, tilesOf } from './tiles.ts';
import { assignment } from './tree.ts';

interface Surroundings {
  readonly variables: Variables;
  readonly sizes: Sizes;
  readonly reads: ReadonlyMap<ValueId, number>;
  readonly hints: ReadonlyMap<ValueId, string>;
  readonly held: HeldBuffers;
  /** where new tensors go: `x.device` */
  device(): string;
  /** The function of autograd that has a clause's gradient. */
  gradient(written: Written): string;
  /** Writes a line: `target` is `h = `, or nothing. */
  line(target: string, expr: Expr, id?: ValueId): void;
}

type Tensor = Recording['graph']['constants'][number]['tensor'];

type Plain = Exclude<Item, { kind: 'statement' | 'loop' }>;

/** Longer texts are named instead of standing inside others. */
const INLINE = 76;

export class Expressions {
  /** what the statement binds: names for its parts */
  target = 'y';
  private readonly run: BodyRun;
  private readonly context: Context;
  private readonly around: Surroundings;
  private readonly keys: ReadonlyMap<ValueId, string>;
  private readonly constants: ReadonlyMap<ValueId, Tensor>;
  private readonly aliases = new Map<string, string>();
  private readonly effects = new Map<Item, number>();
  /** values whose variables hold numbers of Python's */
  private readonly numbers = new Set<ValueId>();
  private variables: Variables;
  private pending = new Map<ValueId, Plain>();

  constructor(run: BodyRun, context: Context, around: Surroundings) {
    this.run = run;
    this.context = context;
    this.around = around;
    this.variables = around.variables;
    const { graph, keys } = context.recording;
    this.keys = keys;
    this.constants = new Map(graph.constants.map(({ value, tensor }) => [value, tensor]));
  }

  private constant({ shape, dtype, data }: Tensor): Expr {
    if (shape.length === 0) return literal(data[0]!, dtype);
    const items = Array.from(data, (value) => literal(value, dtype).text);
    return method(atom(`torch.tensor([${items.join(', ')}], device=${this.around.device()})`), 'reshape', [
      tuple([...shape]),
    ]);
  }

  // ── what is to be written ───────────────────────────────────────────────────────────────────
  /** @param strict whether what asks the runtime for something is written at once */
  add(item: Plain, strict: boolean): void {
    const effectful = isEffectful(item);
    if (effectful) this.effects.set(item, this.effects.size);
    if (item.kind === 'effect' && item.effect.kind === 'update') {
      this.update(item);
      return;
    }
    const updates = item.kind === 'call' && asks(item.run.steps, 'update');
    if (updates) this.hold(item);
    const made = makesOf(item).filter((id) => !this.variables.has(id) && !this.pending.has(id) && !this.keys.has(id));
    for (const id of made) this.pending.set(id, item);
    // a call that gives nothing, or a buffer that it updates, which is read as such
    if (effectful && made.length === 0) this.around.line('', this.expr(item));
    else if ((strict || updates) && effectful) this.name(made);
  }

  /** What reads a buffer is written before the buffer changes, and so are its values that are read later. */
  private hold(item: Plain, operand?: ValueId): void {
    this.name([...this.pending.keys()].filter((id) => id !== operand));
    for (const [id, key] of this.around.held.get(item) ?? []) {
      const buffer = this.context.parameter(key, this.run, this.aliases);
      if ((this.variables.textOf(id) ?? buffer) === buffer) this.assigned(id, atom(buffer));
    }
  }

  /** A buffer's next value, a tensor of its own: autograd and names keep the one before. What is read of it from here on is the buffer. */
  private update(item: Plain): void {
    if (item.kind !== 'effect' || item.effect.kind !== 'update') return;
    const { operand, parameter, result } = item.effect;
    this.hold(item, operand);
    const value = this.tensor(operand);
    const buffer = this.context.parameter(parameter.keys[0], this.run, this.aliases);
    const effects = [...value.effects, this.effects.get(item)!];
    this.around.line('', { ...atom(assignment(buffer, method(value, 'detach').text)), effects });
    this.variables.set(result, buffer);
  }

  /** Gives values that are not written yet names of their own. */
  name(ids: Iterable<ValueId>): void {
    for (const id of ids) if (this.pending.has(id)) this.named(id);
  }

  /** What a statement leaves that only happens: a call that nothing reads. */
  flush(items: readonly Item[]): void {
    for (const item of items) {
      if (item.kind === 'statement' || item.kind === 'loop' || !isEffectful(item)) continue;
      const ids = makesOf(item);
      if (ids.some((id) => this.pending.get(id) === item && !this.around.reads.get(id))) this.name(ids);
    }
  }

  done(): void {
    this.variables.done();
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────
  /** @param whole whether nothing stands around it, so that it may be long */
  read(id: ValueId, whole = false): Expr {
    const text = this.variables.read(id);
    if (text !== undefined) return this.numbers.has(id) ? numberExpr(text) : atom(text);
    const constant = this.constants.get(id);
    if (constant) return this.constant(constant);
    const item = this.pending.get(id);
    if (!item) return atom(this.context.parameter(this.keyOf(id), this.run, this.aliases));
    if (makesOf(item).length > 1) return this.named(id);
    const expr = this.expr(item);
    if (expr.number) return expr;
    this.pending.delete(id);
    const once = (this.around.reads.get(id) ?? 0) <= 1;
    return once && (whole || expr.text.length <= INLINE) ? expr : this.assigned(id, expr);
  }

  /** What gives all of these and nothing else, if nothing else reads them. */
  together(ids: readonly ValueId[]): Expr | undefined {
    const item = this.pending.get(ids[0] ?? -1);
    if (!item || ids.length < 2 || makesOf(item).join() !== ids.join()) return undefined;
    if (ids.some((id) => this.around.reads.get(id) !== 1 || this.pending.get(id) !== item)) return undefined;
    for (const id of ids) this.pending.delete(id);
    return this.expr(item);
  }

  private keyOf(id: ValueId): string {
    const key = this.keys.get(id);
    if (key === undefined) throw new Error(`%${id} of ${this.run.name} comes from nowhere`);
    return key;
  }

  private assigned(id: ValueId, expr: Expr): Expr {
    const variable = this.variables.part(this.around.hints.get(id) ?? this.target, id);
    this.around.line(`${variable} = `, expr, id);
    return atom(variable);
  }

  private named(id: ValueId): Expr {
    const item = this.pending.get(id)!;
    const made = makesOf(item).filter((other) => this.pending.get(other) === item);
    const expr = this.expr(item);
    if (expr.number) return expr; // written where it is read, each time
    for (const other of made) this.pending.delete(other);
    if (makesOf(item).length === 1) return this.assigned(id, expr);
    const names = makesOf(item).map((other) => this.variables.part(this.around.hints.get(other) ?? this.target, other));
    this.around.line(`${names.join(', ')} = `, expr);
    return atom(names[makesOf(item).indexOf(id)]!);
  }

  // ── binding ─────────────────────────────────────────────────────────────────────────────────
  bind(name: string, id: ValueId): void {
    const item = this.pending.get(id);
    if (!item || makesOf(item).length > 1) {
      const expr = this.read(id, true);
      this.done();
      const variable = this.assign(name, id, expr);
      if (variable !== expr.text) this.around.line(`${variable} = `, expr);
      return;
    }
    this.variables.read(id);
    this.pending.delete(id);
    const expr = this.expr(item);
    this.done();
    this.around.line(`${this.assign(name, id, expr)} = `, expr, id);
  }

  private assign(name: string, id: ValueId, { number }: Expr): string {
    if (number) this.numbers.add(id);
    return this.variables.assign(name, id);
  }

  /** Several names at once: outputs of one item, the rows of one tensor, or one after the other. */
  bindAll(bound: readonly (readonly [string, ValueId])[]): void {
    const ids = bound.map(([, id]) => id);
    const [first] = ids;
    const item = this.pending.get(first!);
    const rows = this.rowsOf(ids);
    const together = item !== undefined && makesOf(item).join() === ids.join();
    if (rows === undefined && !together) {
      for (const [name, id] of bound) this.bind(name, id);
      return;
    }
    const expr = rows === undefined ? this.expr(item!) : method(this.rows(rows, ids), 'unbind', ['0']);
    for (const id of ids) {
      this.pending.delete(id);
      this.variables.read(id);
    }
    this.done();
    const names = bound.map(([name, id]) => this.variables.assign(name, id));
    this.around.line(`${names.join(', ')} = `, expr, first);
  }

  /** The tensor whose rows along the first axis these are, all of them in order. */
  private rowsOf(ids: readonly ValueId[]): ValueId | undefined {
    const { graph } = this.context.recording;
    let from: ValueId | undefined;
    for (const [row, id] of ids.entries()) {
      const picked = this.picked(this.pending.get(id));
      if (picked?.axis !== 0 || picked.index !== row) return undefined;
      from ??= picked.from;
      if (picked.from !== from) return undefined;
    }
    return from !== undefined && equalDims(typeOf(graph, from).shape[0]!, ids.length) ? from : undefined;
  }

  private rows(from: ValueId, ids: readonly ValueId[]): Expr {
    // every row reads it, and here it is read once
    for (const _ of ids.slice(1)) this.variables.read(from);
    const item = this.pending.get(from);
    if (!item || makesOf(item).length > 1 || (this.around.reads.get(from) ?? 0) > ids.length) return this.read(from);
    this.variables.read(from);
    this.pending.delete(from);
    return this.expr(item);
  }

  // ── loops ───────────────────────────────────────────────────────────────────────────────────
  wholeList(keys: readonly string[]): string | undefined {
    return this.context.wholeList(keys, this.run);
  }

  loopVariable(name: string): string {
    return this.variables.take(name);
  }

  alias(key: string, variable: string): void {
    this.aliases.set(key, variable);
  }

  unalias(key: string): void {
    this.aliases.delete(key);
  }

  snapshot(): () => void {
    const [variables, pending] = [this.variables.copy(), new Map(this.pending)];
    return () => {
      this.variables = variables;
      this.pending = pending;
      this.around.sizes.keepNames(variables);
    };
  }

  restore(snapshot: () => void): void {
    snapshot();
  }

  // ── expressions ─────────────────────────────────────────────────────────────────────────────
  private expr(item: Plain): Expr {
    const expr = this.plain(item);
    const own = this.effects.get(item);
    return own === undefined ? expr : { ...expr, effects: [...expr.effects, own] };
  }

  private plain(item: Plain): Expr {
    if (item.kind === 'node') return this.picking(item) ?? this.tiling(item) ?? this.node(item.node);
    if (item.kind === 'call') return this.call(item);
    if (item.kind === 'gradient') return this.gradient(item);
    if (item.kind === 'random') {
      const sizes = item.shape.map((dim) => this.around.sizes.expr(dim).text).join(', ') || '()';
      return atom(`torch.rand(${sizes}, device=${this.around.device()})`);
    }
    const { effect } = item;
    if (effect.kind === 'update') throw new Error('an update is a statement');
    const x = this.tensor(effect.operand);
    if (effect.kind === 'dropout') {
      const drops = this.context.asks(this.run.self) ? `self.training and self.${DROPS}` : 'self.training';
      return atom(`F.dropout(${x.text}, ${float(effect.p)}, ${drops})`, x);
    }
    this.context.helper('Cache');
    return atom(`extended(cache, ${x.text}, dim=${effect.axis})`, x);
  }

  private node(node: AnyNode): Expr {
    const { graph } = this.context.recording;
    return lowered(graph, node, (id) => this.read(id), {
      size: (dim) => this.around.sizes.expr(dim),
      device: () => this.around.device(),
      helper: (name) => this.context.helper(name),
    });
  }

  /** `x[:, 3]`: a slice of one, whose axis is dropped. */
  private picking(item: Plain): Expr | undefined {
    const picked = this.picked(item);
    if (!picked) return undefined;
    this.variables.read(picked.slice);
    this.pending.delete(picked.slice);
    const x = this.read(picked.from);
    const text = `${within(x, PREC.atom)}[${[...Array<string>(picked.axis).fill(':'), picked.index].join(', ')}]`;
    return { ...x, text, prec: PREC.atom };
  }

  private picked(item: Item | undefined) {
    if (item?.kind !== 'node' || item.node.op !== 'reshape') return undefined;
    const { graph } = this.context.recording;
    const slice = item.node.inputs[0];
    const made = this.pending.get(slice);
    if (made?.kind !== 'node' || made.node.op !== 'slice' || this.around.reads.get(slice) !== 1) return undefined;
    const picked = pickOf(graph, made.node, item.node);
    return picked && { ...picked, slice };
  }

  /** The node that makes a value which only this reads. */
  private only(id: ValueId): AnyNode | undefined {
    const item = this.pending.get(id);
    return item?.kind === 'node' && this.around.reads.get(id) === 1 ? item.node : undefined;
  }

  /** `x.repeat(1, 2)`: new axes that are widened and merged with those behind them, as the built-in `repeat` makes them. */
  private tiling(item: Item): Expr | undefined {
    if (item.kind !== 'node' || item.node.op !== 'reshape') return undefined;
    const { graph } = this.context.recording;
    const expand = this.only(item.node.inputs[0]);
    const apart = expand?.op === 'expand' ? this.only(expand.inputs[0]) : undefined;
    if (expand?.op !== 'expand' || apart?.op !== 'reshape') return undefined;
    const from = apart.inputs[0];
    const { shape } = typeOf(graph, from);
    const repeats = tilesOf(shape, apart, expand, item.node);
    if (!repeats) return undefined;
    for (const id of [item.node.inputs[0], expand.inputs[0]]) {
      this.variables.read(id);
      this.pending.delete(id);
    }
    const x = this.read(from);
    const widened = shape.every((dim, axis) => repeats[axis] === 1 || equalDims(dim, 1));
    if (!widened) return method(x, 'repeat', repeats.map(String));
    return method(
      x,
      'expand',
      repeats.map((times) => (times === 1 ? '-1' : String(times))),
    );
  }

  /** `RoundedGradient.apply(y.detach(), x)`: what made y gets no gradient, and x the clause's. */
  private gradient(item: Written): Expr {
    const name = this.around.gradient(item);
    const [operand, ...given] = readsOf(item).map((id) => this.tensor(id));
    return atom(
      `${name}.apply(${[method(operand!, 'detach'), ...given].map(({ text }) => text).join(', ')})`,
      ...given,
    );
  }

  /** A value as a tensor of torch, where it is a number of Python's. @param whole as of `read` */
  tensor(id: ValueId, whole = false): Expr {
    const expr = this.read(id, whole);
    return expr.number ? atom(`torch.tensor(${expr.text}, device=${this.around.device()})`, expr) : expr;
  }

  private call({ run, args }: Extract<Item, { kind: 'call' }>): Expr {
    const parts: Expr[] = [];
    const read = (id: ValueId): Expr => {
      const tensor = this.tensor(id);
      parts.push(tensor);
      return tensor;
    };
    const texts = args.flatMap((ids, index) => {
      if (ids.length === 0) return [];
      if (run.parameters[index]!.value.kind === 'list') return [`[${ids.map((id) => read(id).text).join(', ')}]`];
      return [read(ids[0]!).text];
    });
    const { recording } = this.context;
    // an entry without a cache has none to pass on
    const withCache = takesCache(run, recording) && (this.run.kind !== 'entry' || recording.cached);
    const callee = this.context.callee(run, this.run, this.aliases);
    const device = this.context.takesDevice(run) ? [this.around.device()] : [];
    return atom(`${callee}(${[...texts, ...device, ...(withCache ? ['cache'] : [])].join(', ')})`, ...parts);
  }
}
