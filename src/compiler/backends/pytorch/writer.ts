/**
 * A body as statements of Python. Values are named as the source names them; what is read once stands where it is read.
 *
 *   statement `let h = norm(x)` ─▶ `h = self.norm(x)`          a name is taken again once nothing needs what it held
 *   loop over equal turns ─▶ `for layer in self.layers:`      turns that differ are written one after the other
 */

import type { Span } from '../../diagnostics/span.ts';
import type { BodyRun } from '../../elaborate/record.ts';
import { typeOf, type ValueId } from '../../ir/graph.ts';
import type { Flat, Item, Recording } from './bodies.ts';
import { clauseOf, countReads, flat, isNeeded, readsOf } from './bodies.ts';
import type { Context } from './context.ts';
import { Expressions } from './expressions.ts';
import { gradientFunction } from './gradients.ts';
import { heldBuffers } from './held.ts';
import { indented, withNote } from './layout.ts';
import { comment, type Expr, Names } from './python.ts';
import { Variables } from './scope.ts';
import { declaredParameters } from './signature.ts';
import { Sizes } from './sizes.ts';
import { keyOf } from './tree.ts';

export interface Written {
  readonly lines: readonly string[];
  /** `x`, `mask`, `device` */
  readonly parameters: readonly string[];
  /** the last parameter is where new tensors go */
  readonly takesDevice: boolean;
}

/** The parameter of a body that makes tensors and is given none. */
const DEVICE = 'device';

type Statement = Extract<Item, { kind: 'statement' }>;
type Loop = Extract<Item, { kind: 'loop' }>;

/** A body's lines, without the indentation of the function's own. */
export function writeBody(run: BodyRun, context: Context, body = flat(run, context.recording)): Written {
  const free = new BodyWriter(run, body, context, false);
  const written = free.write();
  // what asks the runtime for something does so in the order of the source
  return free.inOrder ? written : new BodyWriter(run, body, context, true).write();
}

class BodyWriter {
  private readonly run: BodyRun;
  private readonly recording: Recording;
  private readonly items: readonly Item[];
  private readonly results: readonly ValueId[];
  private readonly reads: ReadonlyMap<ValueId, number>;
  private readonly expressions: Expressions;
  private readonly sizes: Sizes;
  private readonly strict: boolean;
  private readonly padded: Flat['padded'];
  private readonly parameters: readonly string[];
  private readonly context: Context;
  private readonly ownDevice: string | undefined;
  private takesDevice = false;
  private lines: string[] = [];
  private readonly emitted: number[] = [];

  constructor(run: BodyRun, body: Flat, context: Context, strict: boolean) {
    this.run = run;
    this.context = context;
    this.recording = context.recording;
    this.strict = strict;
    const { items, results, hints } = body;
    this.padded = body.padded;
    this.items = items;
    this.results = results;
    this.reads = countReads(body);
    const names = new Names([...context.globals, 'self', 'cache', DEVICE]);
    const variables = new Variables(names, this.reads);
    const declared = declaredParameters(run, this.recording, variables);
    this.parameters = declared.names;
    this.ownDevice = declared.device;
    this.sizes = new Sizes(declared.axes, variables, run.name);
    this.expressions = new Expressions(run, context, {
      variables,
      sizes: this.sizes,
      reads: this.reads,
      hints,
      held: heldBuffers(body, this.recording),
      device: () => this.device(),
      gradient: (written) =>
        gradientFunction(run, written, clauseOf(written, body), context, (own, clause) =>
          writeBody(own, context, clause),
        ),
      line: (target, expr, note) => this.push(target, expr, note),
    });
  }

  get inOrder(): boolean {
    return this.emitted.every((id, index) => index === 0 || this.emitted[index - 1]! <= id);
  }

  write(): Written {
    // a body ends with an expression, and a clause may follow that says what its gradient is
    const clause = this.items.at(-1)?.kind === 'gradient' ? this.items.at(-1) : undefined;
    const items = clause ? this.items.slice(0, -1) : this.items;
    const last = items.at(-1);
    const closing = last?.kind === 'statement' && last.names.length === 0 ? last : undefined;
    for (const item of closing ? items.slice(0, -1) : items) this.item(item);
    const start = this.lines.length;
    this.expressions.target = 'y';
    for (const item of [...(closing?.items ?? []), ...(clause ? [clause] : [])]) this.item(item);
    this.result();
    if (closing) this.lines.splice(start, 0, textOf(closing.span));
    const { parameters, takesDevice } = this;
    const all = takesDevice ? [...parameters, DEVICE] : parameters;
    return { lines: [...this.sizes.lines, ...this.lines], parameters: all, takesDevice };
  }

  /** That of a tensor that is given, of the module's parameters, or what the caller says. */
  private device(): string {
    const { self, kind } = this.run;
    if (this.ownDevice !== undefined) return this.ownDevice;
    if (self && this.context.hasParameters(self)) return 'next(self.parameters()).device';
    if (kind === 'entry') return 'torch.get_default_device()';
    this.takesDevice = true;
    return DEVICE;
  }

  private result(): void {
    const ids = this.results;
    const { padded } = this;
    const together = this.run.kind === 'entry' || padded ? undefined : this.expressions.together(ids);
    const each = (id: ValueId): Expr => this.expressions.tensor(id, !padded && ids.length === 1);
    const exprs = together ? [together] : ids.map(each);
    const returned = [...(padded?.before ?? []), ...exprs.map(({ text }) => text), ...(padded?.after ?? [])];
    if (this.run.kind === 'entry' && this.recording.cached) returned.push('cache.present');
    this.emitted.push(...exprs.flatMap(({ effects }) => effects));
    const note = ids.length === 1 ? this.noteOf(ids[0]!) : '';
    this.lines.push(...withNote(`return ${returned.join(', ') || 'None'}`, note));
  }

  private noteOf(id: ValueId): string {
    return this.sizes.shape(typeOf(this.recording.graph, id).shape);
  }

  private push(target: string, expr: Expr, id?: ValueId): void {
    this.emitted.push(...expr.effects);
    this.lines.push(...withNote(`${target}${expr.text}`, id === undefined ? '' : this.noteOf(id)));
  }

  private item(item: Item): void {
    if (item.kind === 'statement') this.statement(item);
    else if (item.kind === 'loop') this.loop(item);
    else if (isNeeded(item, this.reads)) this.expressions.add(item, this.strict);
  }

  private statement({ span, items, names }: Statement): void {
    const start = this.lines.length;
    const bound = names.flatMap(([name, ids]) => (ids.length === 1 ? [[name, ids[0]!] as const] : []));
    this.expressions.target = bound.length === 1 ? bound[0]![0] : 'y';
    for (const item of items) this.item(item);
    if (bound.length > 1 && bound.length === names.length) this.expressions.bindAll(bound);
    else for (const [name, id] of bound) this.expressions.bind(name, id);
    this.expressions.flush(items);
    this.expressions.done();
    if (this.lines.length > start) this.lines.splice(start, 0, textOf(span));
  }

  /** Turns that are written alike are written once. */
  private loop(loop: Loop): void {
    const inside = new Set(loop.iterations.flatMap(({ items }) => readsWithin(items)));
    this.expressions.target = 'y';
    this.expressions.name(inside);
    const before = { lines: this.lines, emitted: this.emitted.length, state: this.expressions.snapshot() };
    const turns = this.rolled(loop);
    if (turns) {
      const [header, body] = turns;
      this.lines = [...before.lines, textOf(loop.span, true), header, ...indented(body)];
      return;
    }
    this.expressions.restore(before.state);
    this.emitted.length = before.emitted;
    this.lines = before.lines;
    for (const { items } of loop.iterations) for (const item of items) this.item(item);
  }

  private rolled({ iterations }: Loop): readonly [string, readonly string[]] | undefined {
    const keys = iterations.map(({ bindings: [only, ...more] }) =>
      only?.value.kind === 'instance' && !only.value.off && more.length === 0 ? keyOf(only.value.instance) : undefined,
    );
    if (keys.length === 0 || keys.includes(undefined)) return undefined;
    const list = this.expressions.wholeList(keys as string[]);
    if (list === undefined) return undefined;
    const name = iterations[0]!.bindings[0]!.name;
    const variable = this.expressions.loopVariable(name);
    const texts = iterations.map(({ items }, index) => {
      this.lines = [];
      this.expressions.alias(keys[index]!, variable);
      for (const item of items) this.item(item);
      this.expressions.unalias(keys[index]!);
      return this.lines;
    });
    const [first, ...rest] = texts;
    if (first!.length === 0 || rest.some((lines) => lines.join('\n') !== first!.join('\n'))) return undefined;
    return [`for ${variable} in ${list}:`, first!];
  }
}

const textOf = ({ source, start, end }: Span, firstLine = false): string => {
  const text = source.text.slice(start, end);
  return comment(firstLine ? text.split('\n')[0]! : text.replace(/\/\/[^\n]*/g, ' '));
};

/** Values that items read, those that they make themselves among them. */
function readsWithin(items: readonly Item[]): ValueId[] {
  return items.flatMap((item): ValueId[] => {
    if (item.kind === 'statement') return [...readsWithin(item.items), ...item.names.flatMap(([, ids]) => ids)];
    if (item.kind === 'loop') return item.iterations.flatMap((turn) => readsWithin(turn.items));
    return [...readsOf(item)];
  });
}
