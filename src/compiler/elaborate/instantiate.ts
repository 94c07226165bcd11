/**
 * Modules → instances. A member that `when` switches off is instantiated all the same, marked absent: its keys can
 * then be told from unexpected ones, and a call can check that leaving it out keeps the shape.
 */
import { moduleRecursion } from '../check/cycles.ts';
import { dtypeOf } from '../check/element-types.ts';
import type { FileScope } from '../check/program.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import { bindArguments } from './calls.ts';
import { absenceBy, either, placeAt, placeUnder, switched } from './conditions.ts';
import { initializerOf, resampleOf, shapeOf } from './declared-parameter.ts';
import type { Evaluation } from './evaluation.ts';
import { Frame } from './frame.ts';
import type { Absence, ModuleInstance, ParameterInfo, Place } from './instance.ts';
import { type BoundArgument, describe, ERROR, list, NONE, type Value } from './values.ts';

/** What an instance costs, compared with an expression. */
const INSTANCE_STEPS = 100;
/** Modules within modules; TinyGPT-V has eight levels. */
const MAX_MODULE_DEPTH = 100;

export class Instantiator {
  /** parameters of the model by canonical key, in order */
  readonly parameters = new Map<string, ParameterInfo>();
  /** parameters that a flag or condition leaves out */
  readonly absent: ParameterInfo[] = [];
  /** every instance by path, absent ones included */
  readonly instances = new Map<string, ModuleInstance>();
  /** where we are, for diagnostics */
  path: string | undefined;
  private readonly evaluator: Evaluation;
  private readonly stack: ast.ModuleDeclaration[] = [];

  constructor(evaluator: Evaluation) {
    this.evaluator = evaluator;
  }

  /** The frame of a module's member expressions and bodies. */
  frameOf(instance: ModuleInstance): Frame {
    const isModel = instance.declaration.kind === 'model';
    const config = isModel && this.evaluator.settings ? [this.evaluator.settings.config] : [];
    return new Frame(instance.file, instance, config);
  }

  model(declaration: ast.ModuleDeclaration, file: FileScope): ModuleInstance {
    return this.create(declaration, file, new Map(), { path: '', keys: [''] }, declaration.name.span, undefined);
  }

  create(
    declaration: ast.ModuleDeclaration,
    file: FileScope,
    args: ReadonlyMap<string, BoundArgument>,
    place: Place,
    span: Span,
    absent: Absence | undefined,
    base?: ModuleInstance,
  ): ModuleInstance {
    if (this.stack.includes(declaration)) {
      this.evaluator.fail(moduleRecursion([...this.stack.slice(this.stack.indexOf(declaration)), declaration], span));
    }
    if (this.stack.length >= MAX_MODULE_DEPTH)
      this.evaluator.fail(diagnose('nesting_too_deep', { most: MAX_MODULE_DEPTH }, span));
    const instance: ModuleInstance = {
      declaration,
      file,
      path: place.path,
      keys: place.keys,
      values: new Map(),
      members: new Map(),
      absent,
      span,
      adapter: undefined,
      base,
    };
    this.evaluator.effort.step(span, INSTANCE_STEPS);
    const before = this.path;
    this.path = place.path;
    this.stack.push(declaration);
    try {
      const name = base ? `${place.path} (${declaration.name.text})` : place.path;
      // the branch of a `when … else …` that is not taken stands at the place of the other and does not hide it
      if (!absent || !this.instances.has(name)) this.instances.set(name, instance);
      this.evaluator.calls.within({ name, at: span, verb: 'created' }, () => this.fill(instance, args));
    } finally {
      this.stack.pop();
      this.path = before;
    }
    return instance;
  }

  private fill(instance: ModuleInstance, args: ReadonlyMap<string, BoundArgument>): void {
    const e = this.evaluator;
    for (const parameter of instance.declaration.parameters) {
      const given = args.get(parameter.name.text);
      const value =
        given?.value ??
        (parameter.fallback ? e.attempt(() => e.expression(parameter.fallback!, this.frameOf(instance))) : undefined) ??
        ERROR;
      if (given && parameter.type?.element && !parameter.type.dims) this.checkKind(parameter, given);
      instance.values.set(parameter.name.text, value);
    }
    for (const member of instance.declaration.members) {
      e.effort.step(member.span);
      if (member.kind === 'let-member') {
        instance.values.set(
          member.name.text,
          e.attempt(() => e.expression(member.value, this.frameOf(instance))) ?? ERROR,
        );
      } else if (member.kind === 'param') {
        instance.members.set(member.name.text, e.attempt(() => this.param(member, instance)) ?? ERROR);
      } else if (member.kind === 'submodule') {
        const value = e.attempt(() => {
          const place = placeUnder(instance, member.name.text, this.keysOf(member));
          return this.submodule(member, member.value, place, instance, instance.absent);
        });
        instance.members.set(member.name.text, value ?? ERROR);
      }
    }
  }

  private checkKind(parameter: ast.Parameter, given: BoundArgument): void {
    const wants = parameter.type!.element!.text;
    const found = given.value.kind;
    if (found === wants || (wants === 'float' && found === 'int') || found === 'error') return;
    this.evaluator.report(
      diagnose(
        'wrong_type',
        { what: parameter.name.text, expected: `of type ${wants}`, found: describe(given.value) },
        given.span,
        {
          ...this.evaluator.here(),
          secondary: [{ span: parameter.span, message: 'declared here' }],
        },
      ),
    );
  }

  // ── parameters ──────────────────────────────────────────────────────────────────────────────
  private param(member: ast.ParamMember, instance: ModuleInstance): Value {
    const frame = this.frameOf(instance);
    const e = this.evaluator;
    let init = member.init;
    let absent = instance.absent;
    let off = false;
    while (init.kind === 'when' && !init.otherwise) {
      if (!e.condition(init.condition, frame)) {
        off = true;
        absent = either(absent, absenceBy(e, init.condition, frame));
      }
      init = init.value;
    }
    const place = placeUnder(instance, member.name.text, this.keysOf(member));
    const info: ParameterInfo = {
      name: member.name.text,
      path: place.path,
      keys: place.keys as [string, ...string[]],
      dtype: dtypeOf(member.type.element?.text),
      shape: shapeOf(e, member, frame),
      initializer: initializerOf(e, member, init, frame),
      buffer: member.buffer,
      resample: resampleOf(e, member, frame),
      merged: undefined,
      mergedFrom: undefined,
      absent,
      adapter: instance.base ? instance.declaration.name.text : undefined,
      doc: member.doc,
      span: member.name.span,
      dimSpans: (member.type.dims ?? []).map((dim) => dim.span),
    };
    if (!absent) this.register(info);
    else if (absent === 'flag') this.absent.push(info);
    return off ? NONE : { kind: 'parameter', parameter: info };
  }

  private register(info: ParameterInfo): void {
    const before = this.parameters.get(info.keys[0]);
    if (before) {
      this.evaluator.fail(
        diagnose('duplicate_key', { key: info.keys[0] }, this.placeApart(info, before), {
          ...this.evaluator.here(),
          label: `${info.path} has it`,
          secondary: [{ span: this.placeApart(before, info), message: `${before.path} has it first` }],
          notes: ['give one of them another key with `key "…"`'],
        }),
      );
    }
    this.parameters.set(info.keys[0], info);
  }

  /** Where a parameter's path parts from another's: the submodule that contains only it, or its own declaration. */
  private placeApart(parameter: ParameterInfo, other: ParameterInfo): Span {
    const [parts, others] = [parameter.path.split('.'), other.path.split('.')];
    const common = parts.findIndex((part, index) => part !== others[index]);
    for (let length = common + 1; length < parts.length; length++) {
      const instance = this.instances.get(parts.slice(0, length).join('.'));
      if (instance) return instance.span;
    }
    return parameter.span;
  }

  private keysOf(member: ast.ParamMember | ast.SubmoduleMember): readonly string[] {
    if (member.keys.length === 0) return [member.name.text];
    return member.keys.map(({ value, span }) => {
      if (/^[\w-]+(\.[\w-]+)*$/.test(value)) return value;
      return this.evaluator.fail(
        diagnose('bad_key', { key: value }, span, {
          notes: ['a key is made of letters, digits, _ and -, joined by dots'],
        }),
      );
    });
  }

  // ── submodules ──────────────────────────────────────────────────────────────────────────────
  private submodule(
    member: ast.SubmoduleMember,
    expression: ast.Expression,
    place: Place,
    instance: ModuleInstance,
    absent: Absence | undefined,
    frame = this.frameOf(instance),
  ): Value {
    const e = this.evaluator;
    if (expression.kind === 'when') return this.conditional(member, expression, place, instance, absent, frame);
    if (expression.kind === 'list') {
      return list(
        expression.items.map((item, index) =>
          this.submodule(member, item, placeAt(place, index), instance, absent, frame),
        ),
      );
    }
    if (expression.kind === 'comprehension') {
      return list(
        e.comprehension(expression, frame, (index) =>
          this.submodule(member, expression.item, placeAt(place, index), instance, absent, frame),
        ),
      );
    }
    if (expression.kind === 'call') {
      const callee = e.expression(expression.callee, frame);
      if (callee.kind === 'module') return this.created(callee, expression, place, absent, frame);
    }
    const value = e.expression(expression, frame);
    if (value.kind === 'instance') return value; // shared: the same parameters under their first key
    return e.fail(
      diagnose('member_value', { name: member.name.text, found: describe(value) }, expression.span, {
        ...e.here(),
        notes: [howToDeclare(member.name.text, value)],
      }),
    );
  }

  /** `a when condition`, `a when condition else b`. */
  private conditional(
    member: ast.SubmoduleMember,
    { condition, value, otherwise }: ast.WhenExpression,
    place: Place,
    instance: ModuleInstance,
    absent: Absence | undefined,
    frame: Frame,
  ): Value {
    const e = this.evaluator;
    const on = e.condition(condition, frame);
    const reason = absenceBy(e, condition, frame);
    if (!otherwise) {
      const made = this.submodule(member, value, place, instance, on ? absent : either(absent, reason), frame);
      return switched(made, !on, condition);
    }
    // the branch not taken is instantiated for its keys; what is wrong with it is wrong only when it is taken
    const [taken, other] = on ? [value, otherwise] : [otherwise, value];
    const made = this.submodule(member, taken, place, instance, absent, frame);
    if (reason === 'flag' && other.kind === 'call')
      e.quietly(() => this.submodule(member, other, place, instance, either(absent, 'flag'), frame));
    return made;
  }

  /** `Module(arguments)` */
  private created(
    { declaration, file }: Extract<Value, { kind: 'module' }>,
    call: ast.CallExpression,
    place: Place,
    absent: Absence | undefined,
    frame: Frame,
  ): Value {
    const e = this.evaluator;
    const name = declaration.name.text;
    if (declaration.kind !== 'module') {
      const facts = { name, what: `an ${declaration.kind}`, use: 'a submodule' };
      return e.fail(diagnose('not_usable_here', facts, call.callee.span, e.here()));
    }
    const formals = declaration.parameters.map((p) => ({
      name: p.name.text,
      optional: p.fallback !== undefined,
      span: p.span,
    }));
    const args = bindArguments(e, name, formals, call.arguments, call.span, frame);
    return { kind: 'instance', instance: this.create(declaration, file, args, place, call.span, absent), off: false };
  }
}

function howToDeclare(name: string, value: Value): string {
  if (value.kind === 'module') return `create it: ${value.declaration.name.text}(…)`;
  if (value.kind === 'initializer') return `a parameter is declared with its shape: \`param ${name}: [d] = …\``;
  return `a compile-time value is declared with \`let ${name} = …\``;
}
