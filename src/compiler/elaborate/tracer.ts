import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import { GraphBuilder } from '../ir/builder.ts';
import type { ValueId } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import { closeClause, openClause } from './backward.ts';
import { checkArgument, checkKeepsShape, checkResult, passedOn } from './body-checks.ts';
import { bindArguments } from './calls.ts';
import type { Evaluation } from './evaluation.ts';
import { Frame } from './frame.ts';
import type { ModuleInstance, ParameterInfo } from './instance.ts';
import { recordedBody, recordedEffect, recordedLoop, recordedStatement } from './recorded.ts';
import { Reported } from './reported.ts';
import { printType, SignatureDims } from './signature.ts';
import { trainsHere } from './trace.ts';
import { type BoundArgument, describe, ERROR, list, type TensorValue, type Value } from './values.ts';

type Body = {
  readonly signature: ast.Signature;
  readonly body: ast.Block;
  readonly backward: ast.BackwardClause | undefined;
};
type InstanceValue = Extract<Value, { kind: 'instance' }>;
type FunctionValue = Extract<Value, { kind: 'function' }>;

/** What a block takes of the stack, compared with an expression. */
const BLOCK_WEIGHT = 5;

export class Tracer {
  private readonly evaluator: Evaluation;
  /** bodies being traced, each with the paths of the modules it runs for */
  private readonly active = new Map<ast.Block, Set<string>>();

  constructor(evaluator: Evaluation) {
    this.evaluator = evaluator;
  }

  /** The graph value of a parameter, or the latest of a buffer that was updated. */
  parameter(parameter: ParameterInfo): ValueId {
    const trace = this.evaluator.trace!;
    const updated = trace.training?.updates.get(parameter.keys[0]);
    if (updated) return updated.read;
    trace.parameters.set(parameter.keys[0], parameter);
    return trace.builder.parameter(parameter.keys[0], parameter.dtype, parameter.shape);
  }

  // ── calls ───────────────────────────────────────────────────────────────────────────────────
  callInstance(value: InstanceValue, call: ast.CallExpression, frame: Frame): Value {
    const { instance } = value;
    const args = this.bind(instance, call, frame);
    const run = (): Value => this.run(instance.adapter ?? instance, args, call, instance.path);
    if (!value.off) {
      const result = run();
      // a call that only happens where the member is on needs no identity
      if (value.conditions?.some((condition) => !this.evaluator.guards.includes(condition)))
        checkKeepsShape(this.evaluator, instance, args, result, call);
      return result;
    }
    this.inScratch(args, (scratchArgs) => {
      const result = this.run(instance.adapter ?? instance, scratchArgs, call, instance.path);
      checkKeepsShape(this.evaluator, instance, scratchArgs, result, call);
    });
    return passedOn(instance, args)?.value ?? ERROR;
  }

  /** The adapted module without its adapter. */
  callBase(instance: ModuleInstance, call: ast.CallExpression, frame: Frame): Value {
    return this.run(instance, this.bind(instance, call, frame), call, undefined);
  }

  callFunction(callee: FunctionValue, call: ast.CallExpression, frame: Frame): Value {
    const { declaration, file, self } = callee;
    const name = declaration.name.text;
    const args = this.bindTo(name, declaration.signature.parameters, call, frame);
    const outer = self ? this.evaluator.modules.frameOf(self) : new Frame(file);
    return this.body(name, declaration, args, outer, call, undefined);
  }

  private bind(instance: ModuleInstance, call: ast.CallExpression, frame: Frame): Map<string, BoundArgument> {
    const { declaration } = instance;
    return this.bindTo(
      instance.path || declaration.name.text,
      forwardOf(this.evaluator, instance, call.span).signature.parameters,
      call,
      frame,
    );
  }

  private bindTo(
    callee: string,
    parameters: readonly ast.Parameter[],
    call: ast.CallExpression,
    frame: Frame,
  ): Map<string, BoundArgument> {
    const formals = parameters.map((p) => ({ name: p.name.text, optional: p.fallback !== undefined, span: p.span }));
    return bindArguments(this.evaluator, callee, formals, call.arguments, call.span, frame);
  }

  private run(
    instance: ModuleInstance,
    args: ReadonlyMap<string, BoundArgument>,
    call: ast.CallExpression,
    tap: string | undefined,
  ): Value {
    const forward = forwardOf(this.evaluator, instance, call.span);
    const trace = this.evaluator.trace;
    if (!trace)
      return this.evaluator.fail(
        diagnose('tensor_at_compile_time', { name: instance.path }, call.span, this.evaluator.here()),
      );
    const before = trace.path;
    trace.path = instance.path;
    try {
      const frame = this.evaluator.modules.frameOf(instance);
      const result = this.body(
        instance.path || instance.declaration.name.text,
        forward,
        args,
        frame,
        call,
        tap ?? instance.path,
        instance,
      );
      if (tap !== undefined && result.kind === 'tensor') trace.taps?.set(tap, result.id);
      return result;
    } finally {
      trace.path = before;
    }
  }

  /** An entry, whose inputs are in the frame. @param results tensors of what its body gives */
  entry(
    entry: ast.EntryMember,
    frame: Frame,
    results: (given: Value | undefined) => readonly TensorValue[],
  ): readonly TensorValue[] {
    const called = { kind: 'entry', name: entry.name.text } as const;
    let found: readonly TensorValue[] = [];
    recordedBody(this.evaluator, called, entry, frame, () => {
      found = results(this.block(entry.body, frame, ''));
      return list(found);
    });
    return found;
  }

  // ── bodies ──────────────────────────────────────────────────────────────────────────────────
  private body(
    name: string,
    declaration: Body,
    args: ReadonlyMap<string, BoundArgument>,
    outer: Frame,
    call: ast.CallExpression,
    tapPath: string | undefined,
    instance?: ModuleInstance,
  ): Value {
    const e = this.evaluator;
    const { signature, body, backward } = declaration;
    const path = e.trace?.path ?? '';
    const paths = this.active.get(body) ?? new Set<string>();
    if (paths.has(path)) {
      e.fail(
        diagnose('recursion', { name, verb: 'calls' }, call.span, {
          ...e.here(),
          notes: ['what a body does must be known at compile time: loop over a list instead'],
        }),
      );
    }
    const frame = outer.fresh();
    const dims = new SignatureDims(e, outer);
    for (const parameter of signature.parameters) {
      const argument = args.get(parameter.name.text);
      const value = argument?.value ?? (parameter.fallback ? e.expression(parameter.fallback, frame) : ERROR);
      e.assign(parameter.name, value, frame);
      if (argument && parameter.type?.dims)
        checkArgument(this.evaluator, name, parameter, argument, dims, call, instance);
    }
    dims.bindInto(frame);
    this.active.set(body, paths.add(path));
    const kind = instance === undefined ? 'function' : instance.adapter ? 'base' : 'forward';
    try {
      const inside = <T>(run: () => T): T => e.calls.within({ name, at: call.span, verb: 'called' }, run);
      const given = recordedBody(e, { kind, name }, declaration, frame, () => {
        const clause = backward && e.trace ? openClause(e, name, backward, frame, args.values()) : undefined;
        const result = inside(() => this.block(body, frame, tapPath));
        if (result === undefined)
          return e.fail(
            diagnose(
              'no_result',
              { name },
              { ...body.span, start: Math.max(body.span.end - 1, 0) },
              { ...e.here(), notes: ['the last expression of a body is its value'] },
            ),
          );
        if (result.kind === 'error') throw new Reported();
        if (signature.result) checkResult(this.evaluator, name, signature.result, result, dims, body);
        if (!clause) return result;
        return inside(() =>
          closeClause(e, name, clause, result, frame, (block) => this.block(block, frame, undefined)),
        );
      });
      return madeAt(given, call.span);
    } finally {
      paths.delete(path);
    }
  }

  block(block: ast.Block, frame: Frame, tapPath: string | undefined): Value | undefined {
    return this.evaluator.effort.nested(BLOCK_WEIGHT, block.span, () => this.statements(block, frame, tapPath));
  }

  private statements(block: ast.Block, frame: Frame, tapPath: string | undefined): Value | undefined {
    const e = this.evaluator;
    let last: Value | undefined;
    for (const statement of block.statements) {
      e.effort.step(statement.span);
      last = recordedStatement(e, statement, frame, () => this.statement(statement, frame, tapPath));
    }
    return last;
  }

  /** @returns what the statement is, if it is an expression or the branch of an `if` ends in one; an error where it failed */
  private statement(statement: ast.Statement, frame: Frame, tapPath: string | undefined): Value | undefined {
    const e = this.evaluator;
    switch (statement.kind) {
      case 'let': {
        const done = e.attempt(() => {
          e.destructure(statement.names, e.expression(statement.value, frame), frame, statement.value.span);
          for (const name of statement.names) this.tapLet(name.text, frame.get(e.bindings.slotOf(name)), tapPath);
          return true;
        });
        if (done) return undefined;
        for (const name of statement.names) frame.set(e.bindings.slotOf(name), ERROR);
        return ERROR; // that a body ends here follows from the mistake, as where a line goes on into the next
      }
      case 'assign': {
        const value = e.attempt(() => e.expression(statement.value, frame)) ?? ERROR;
        e.assign(statement.name, value, frame);
        this.tapLet(statement.name.text, value, tapPath);
        return undefined;
      }
      case 'update':
        e.attempt(() => this.update(statement, frame));
        return undefined;
      case 'for':
        this.loop(statement, frame, tapPath);
        return undefined;
      case 'if': {
        const taken = e.attempt(() => e.condition(statement.condition, frame));
        // what is wrong with the condition is reported; that there is no value follows from it
        if (taken === undefined) return ERROR;
        const branch = taken ? statement.consequent : statement.otherwise;
        return branch && e.guarded(statement.condition, taken, () => this.block(branch, frame, tapPath));
      }
      case 'expression':
        return e.attempt(() => e.expression(statement.value, frame)) ?? ERROR;
    }
  }

  private loop(statement: Extract<ast.Statement, { kind: 'for' }>, frame: Frame, tapPath: string | undefined): void {
    const e = this.evaluator;
    const { names, over, body } = statement;
    // the body of a loop over an error is traced once, for the other errors in it
    const items = e.attempt(() => e.iterate(e.expression(over, frame), over.span)) ?? [ERROR];
    recordedLoop(e, statement, frame, (iteration) => {
      for (const item of items) {
        e.effort.step(statement.span);
        for (const name of names) frame.set(e.bindings.slotOf(name), ERROR);
        iteration(
          () => e.attempt(() => e.destructure(names, item, frame, over.span)),
          () => this.block(body, frame, tapPath),
        );
      }
    });
  }

  /** `update running_mean = …`: what the buffer is from here on, in this graph and in the next step. */
  private update({ name, value }: Extract<ast.Statement, { kind: 'update' }>, frame: Frame): void {
    const e = this.evaluator;
    const parameter = this.bufferNamed(name, frame);
    const { trace } = e;
    const training = trace && trainsHere(trace) ? trace.training : undefined;
    if (!trace || !training) {
      const notes = [`write \`if is_training() { update ${name.text} = … }\``];
      e.report(diagnose('update_outside_training', { name: name.text }, name.span, { ...e.here(), notes }));
      return;
    }
    const { dtype, shape, keys } = parameter;
    this.parameter(parameter); // a state that is only written is one of the graph's all the same
    const id = e.emission.tensorOf(e.expression(value, frame), value.span, dtype, name.text);
    const [found, expected] = [printType(trace.builder.typeOf(id)), printType({ dtype, shape })];
    if (found !== expected)
      e.fail(
        diagnose('result_shape', { callee: `update ${name.text}`, expected, found }, value.span, {
          ...e.here(),
          label: `this is ${found}`,
          secondary: [{ span: parameter.span, message: 'the buffer is declared here' }],
        }),
      );
    const read = recordedEffect(
      e,
      id,
      () => (dtype === 'f32' ? trace.builder.node('stop_gradient', [id], {}, e.emission.origin(value.span)) : id),
      (result) => ({ kind: 'update', operand: id, parameter, result }),
    );
    training.updates.set(keys[0], { parameter, value: id, read });
  }

  private bufferNamed(name: ast.Name, frame: Frame): ParameterInfo {
    const e = this.evaluator;
    const target = e.names.name(name, frame);
    if (target.kind === 'parameter' && target.parameter.buffer) return target.parameter;
    const found = target.kind === 'parameter' ? 'a param' : describe(target);
    return e.fail(diagnose('not_a_buffer', { name: name.text, found }, name.span, e.here()));
  }

  private tapLet(name: string, value: Value | undefined, tapPath: string | undefined): void {
    if (tapPath === undefined || value?.kind !== 'tensor') return;
    this.evaluator.trace?.taps?.set(tapPath === '' ? name : `${tapPath}.${name}`, value.id);
  }

  /** Runs work on a throw-away graph whose inputs have the arguments' types. */
  private inScratch(args: ReadonlyMap<string, BoundArgument>, work: (args: Map<string, BoundArgument>) => void): void {
    const e = this.evaluator;
    const trace = e.trace;
    if (!trace) return;
    const builder = new GraphBuilder('scratch');
    const copies = new Map<string, BoundArgument>();
    const copy = (value: Value, span: Span, name: string): Value => {
      if (value.kind === 'list')
        return { ...value, items: value.items.map((item, index) => copy(item, span, `${name}.${index}`)) };
      if (value.kind !== 'tensor' && value.kind !== 'parameter') return value;
      const { dtype, shape } = e.emission.typeOf(e.emission.tensorOf(value, span, undefined, name));
      return { kind: 'tensor', id: builder.input(name, dtype, shape), span };
    };
    for (const [name, { value, span }] of args) copies.set(name, { value: copy(value, span, name), span });
    const { path, asked } = trace;
    e.trace = {
      builder,
      path,
      cache: undefined,
      taps: undefined,
      parameters: new Map(),
      backward: trace.backward,
      asked,
    };
    try {
      e.attempt(() => work(copies));
    } finally {
      e.trace = trace;
    }
  }
}

function forwardOf(evaluator: Evaluation, instance: ModuleInstance, at: Span): Body {
  const forward = instance.declaration.members.find((member) => member.kind === 'forward');
  if (forward?.kind === 'forward') return forward;
  return evaluator.fail(
    diagnose('forward_missing', { name: instance.declaration.name.text }, at, {
      ...evaluator.here(),
      secondary: [{ span: instance.declaration.name.span, message: 'declared here' }],
      notes: [`what a call of it does is written as \`forward(x: …) { … }\` in ${instance.declaration.name.text}`],
    }),
  );
}

/** A result, whose tensors diagnostics show where the body was called. */
function madeAt(value: Value, span: Span): Value {
  if (value.kind === 'tensor') return { ...value, span };
  return value.kind === 'list' ? { ...value, items: value.items.map((item) => madeAt(item, span)) } : value;
}
