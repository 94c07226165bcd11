/** `adapt PATTERN with ADAPTER(…)`: adapters put on the finished tree from outside, and their merged form. */
import type { FileScope } from '../check/program.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import { GraphBuilder } from '../ir/builder.ts';
import type * as ast from '../syntax/ast.ts';
import { bindArguments } from './calls.ts';
import type { Evaluator } from './evaluator.ts';
import type { ModuleInstance, ParameterInfo } from './instance.ts';
import { compilePattern, explainNoMatch } from './pattern.ts';
import type { BoundArgument } from './values.ts';

/** PEFT from 0.7 on keeps the adapted layer's own parameters here. */
const PEFT_BASE_LAYER = 'base_layer';

export function applyAdapters(e: Evaluator): void {
  for (const adapt of e.program.adapts) e.attempt(() => apply(e, adapt));
}

function apply(e: Evaluator, adapt: ast.AdaptDeclaration): void {
  const adapter = adapterOf(e, adapt);
  const targets = [...e.modules.instances.values()].filter(({ base, path }) => base === undefined && path !== '');
  const adapted = new Set<ModuleInstance>();
  for (const pattern of adapt.patterns) {
    const compiled = compilePattern(pattern.text);
    const matched = targets.filter(({ path }) => compiled.matches(path));
    if (matched.length === 0) {
      const paths = targets.map(({ path }) => path);
      const notes = explainNoMatch(pattern.text, paths);
      e.report(diagnose('pattern_matches_nothing', { pattern: pattern.text }, pattern.span, { notes }));
    }
    for (const instance of matched) {
      if (adapted.has(instance)) continue;
      adapted.add(instance);
      e.attempt(() => put(e, adapter, instance, pattern.span));
    }
  }
}

/** What `adapt … with ADAPTER(…) when …` puts on modules. */
interface Adapter {
  readonly declaration: ast.ModuleDeclaration;
  readonly file: FileScope;
  readonly args: ReadonlyMap<string, BoundArgument>;
  readonly on: boolean;
  readonly span: Span;
}

/** @throws Reported when it is no adapter, or its arguments or its condition have a mistake */
function adapterOf(e: Evaluator, adapt: ast.AdaptDeclaration): Adapter {
  const frame = e.rootFrame();
  const symbol = e.names.symbolOf(adapt.adapter);
  if (symbol.kind !== 'module' || symbol.declaration.kind !== 'adapter') {
    const what = symbol.kind === 'module' ? `a ${symbol.declaration.kind}` : `a ${symbol.kind}`;
    e.fail(diagnose('not_usable_here', { name: adapt.adapter.text, what, use: 'an adapter' }, adapt.adapter.span));
  }
  const { declaration, file } = symbol;
  const on = adapt.when === undefined || e.condition(adapt.when, frame);
  const formals = declaration.parameters.map((p) => ({
    name: p.name.text,
    optional: p.fallback !== undefined,
    span: p.span,
  }));
  const args = bindArguments(e, declaration.name.text, formals, adapt.arguments, adapt.span, frame);
  return { declaration, file, args, on, span: adapt.span };
}

/** @param at the pattern that covers the module. @throws Reported when the module is of another kind, or has an adapter */
function put(e: Evaluator, { declaration, file, args, on, span }: Adapter, instance: ModuleInstance, at: Span): void {
  const wants = declaration.on!.text;
  const kind = instance.declaration.name.text;
  if (kind !== wants) {
    const facts = { adapter: declaration.name.text, wants, path: instance.path, found: `a ${kind}` };
    const secondary = [{ span: instance.span, message: 'created here' }];
    e.fail(diagnose('adapter_target', facts, at, { secondary }));
  }
  if (on && instance.adapter) {
    const message = `${instance.adapter.declaration.name.text} is put on it here`;
    e.fail(
      diagnose('duplicate_name', { name: `the adapter of ${instance.path}` }, at, {
        secondary: [{ span: instance.adapter.span, message }],
        notes: ['a module takes one adapter: write one that does both'],
      }),
    );
  }
  const place = { path: instance.path, keys: instance.keys };
  const absent = instance.absent ?? (on ? undefined : 'flag');
  const adapter = e.modules.create(declaration, file, args, place, span, absent, instance);
  for (const value of instance.members.values()) {
    if (value.kind !== 'parameter') continue;
    const { parameter } = value;
    const aliases = instance.keys.map((key) => `${key}.${PEFT_BASE_LAYER}.${parameter.name}`);
    (parameter as { keys: readonly string[] }).keys = [...parameter.keys, ...aliases];
  }
  if (on) instance.adapter = adapter;
}

/**
 * Folds every adapter that says how (`merge weight = …`) into the parameters it adapts: the parameter gets a small
 * graph that computes it, and the adapter is gone. Returns how many adapters were folded.
 */
export function mergeAdapters(e: Evaluator): number {
  let folded = 0;
  for (const instance of e.modules.instances.values()) {
    const { adapter } = instance;
    if (!adapter || adapter.base !== instance) continue;
    const merges = adapter.declaration.members.filter((member) => member.kind === 'merge');
    if (merges.length === 0) continue;
    for (const merge of merges) {
      const target = instance.members.get(merge.name.text);
      if (target?.kind !== 'parameter') {
        e.report(
          diagnose(
            'unknown_member',
            { object: instance.declaration.name.text, name: merge.name.text },
            merge.name.span,
          ),
        );
        continue;
      }
      e.attempt(() => {
        target.parameter.merged = mergedGraph(e, target.parameter, adapter, merge.value);
      });
    }
    const own = [...adapter.members.values()].flatMap((value) => (value.kind === 'parameter' ? [value.parameter] : []));
    for (const parameter of own) e.modules.parameters.delete(parameter.keys[0]);
    for (const merge of merges) {
      const target = instance.members.get(merge.name.text);
      if (target?.kind === 'parameter') target.parameter.mergedFrom = own;
    }
    instance.adapter = undefined;
    folded++;
  }
  return folded;
}

function mergedGraph(
  e: Evaluator,
  parameter: ParameterInfo,
  adapter: ModuleInstance,
  expression: ast.Expression,
): ParameterInfo['merged'] {
  const builder = new GraphBuilder(`merge ${parameter.path}`);
  const asked = { training: false };
  e.trace = {
    builder,
    path: adapter.path,
    cache: undefined,
    taps: undefined,
    parameters: new Map(),
    backward: false,
    asked,
  };
  try {
    const value = e.expression(expression, e.modules.frameOf(adapter));
    const id = e.emission.tensorOf(value, expression.span, 'f32', parameter.name);
    const { shape } = builder.typeOf(id);
    if (shape.join() !== parameter.shape.join()) {
      e.fail(
        diagnose(
          'result_shape',
          {
            callee: `merge ${parameter.name}`,
            expected: `[${parameter.shape.join(', ')}]`,
            found: `[${shape.join(', ')}]`,
          },
          expression.span,
        ),
      );
    }
    builder.output(parameter.keys[0], id);
    return builder.build();
  } finally {
    e.trace = undefined;
  }
}
