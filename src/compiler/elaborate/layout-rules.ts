/** One rule of a layout, put on the parameters that no rule before it has. */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluator } from './evaluator.ts';
import type { ModuleInstance, ParameterInfo } from './instance.ts';
import { alternativesOf, type KeyPattern, keysOf, matcherOf, parseKeyPattern } from './key-pattern.ts';
import type { Move } from './layout.ts';
import { type By, evaluateBy, turned } from './layout-shapes.ts';

/** A parameter of the module, by its path from there. */
export interface Target {
  readonly path: string;
  readonly parameter: ParameterInfo;
}

export interface RuleWork {
  readonly rule: ast.LayoutRule;
  /** parameters that no rule has yet, by path; those of this one are taken out */
  readonly rest: Map<string, Target>;
  readonly instance: ModuleInstance;
  isOptional(target: Target): boolean;
}

/** @throws Reported for a rule that cannot be read or has no parameter */
export function movesOf(e: Evaluator, { rule, rest, instance, isOptional }: RuleWork): Move[] {
  const { span } = rule.to;
  const to = parse(e, rule.to.text.replace(/\[(\d+)\]/g, '.$1').replace(/\[([A-Za-z_]\w*)\]/g, '.{$1}'), span);
  const from = rule.from.map((key) => parse(e, key.value, key.span));
  checkCaptures(e, rule, to, from);
  const by = rule.by ? evaluateBy(e, rule.by, e.modules.frameOf(instance)) : undefined;
  const groups = groupsOf(to, rest);
  if (groups.length === 0) {
    const { text: module } = instance.declaration.name;
    e.report(diagnose('layout_empty_rule', { pattern: rule.to.text, module }, span));
  }
  return groups.map(({ captures, targets }) => {
    const whole = targets.length === alternativesOf(to).length;
    if (!whole) {
      const problem = `of the parameters that ${rule.to.text} stands for together, only ${targets.map(({ path }) => path).join(', ')} is there`;
      e.fail(diagnose('layout_form', { problem }, span));
    }
    for (const { path } of targets) rest.delete(path);
    const sources = from.map((pattern) => keysOf(pattern, captures));
    const { shape, turn } = stored(e, { targets, count: sources[0]!.length, by, span });
    const optional = targets.every(isOptional);
    return { sources, shape, targets: targets.map(({ parameter }) => parameter), turn, optional, span };
  });
}

function parse(e: Evaluator, text: string, span: Span): KeyPattern {
  return parseKeyPattern(text, (problem) =>
    e.fail(diagnose('layout_form', { problem: `the pattern ${text} ${problem}` }, span)),
  );
}

/** A name in braces on one side only says nothing of the other; all lists of alternatives of the keys are as long. */
function checkCaptures(e: Evaluator, rule: ast.LayoutRule, to: KeyPattern, from: readonly KeyPattern[]): void {
  from.forEach((pattern, index) => {
    const one = [...pattern.captures].find((name) => !to.captures.has(name));
    const other = [...to.captures].find((name) => !pattern.captures.has(name));
    const name = one ?? other;
    const { span } = rule.from[index]!;
    if (name !== undefined) e.fail(diagnose('layout_capture', { name, has: one === undefined ? 'path' : 'key' }, span));
    if (alternativesOf(pattern).length !== alternativesOf(from[0]!).length)
      e.fail(diagnose('layout_form', { problem: 'the keys of a rule list as many alternatives' }, span));
  });
}

/** Parameters by what the captures are for them, each group in the order of the pattern's alternatives. */
function groupsOf(to: KeyPattern, rest: ReadonlyMap<string, Target>) {
  const match = matcherOf(to);
  const groups = new Map<string, { captures: ReadonlyMap<string, string>; found: (Target | undefined)[] }>();
  for (const target of rest.values()) {
    const fit = match(target.path);
    if (!fit) continue;
    const name = JSON.stringify([...fit.captures]);
    const group = groups.get(name) ?? { captures: fit.captures, found: [] };
    group.found[fit.which] = target;
    groups.set(name, group);
  }
  return [...groups.values()].map(({ captures, found }) => ({
    captures,
    targets: found.filter((target) => target !== undefined),
  }));
}

interface Whole {
  readonly targets: readonly Target[];
  /** of tensors that are stored one after the other */
  readonly count: number;
  readonly by: By | undefined;
  readonly span: Span;
}

/** The shape of each stored tensor. @throws Reported where parts do not make a whole */
function stored(e: Evaluator, { targets, count, by, span }: Whole): Pick<Move, 'shape' | 'turn'> {
  const fail = (problem: string): never => e.fail(diagnose('layout_form', { problem }, span));
  const shapes = targets.map(({ parameter }) => parameter.shape);
  const [first] = shapes;
  const [, ...inner] = first!;
  let whole = [...first!];
  if (shapes.length > 1) {
    const other = shapes.findIndex((shape) => shape.length === 0 || shape.slice(1).join() !== inner.join());
    if (other >= 0)
      fail(
        `${targets[0]!.path} and ${targets[other]!.path} do not lie one after the other: [${first!.join(', ')}] and [${shapes[other]!.join(', ')}]`,
      );
    whole = [shapes.reduce((sum, [rows]) => sum + rows!, 0), ...inner];
  }
  const { shape, turn } = by ? turned(e, by, whole) : { shape: whole, turn: undefined };
  if (count === 1) return { shape, turn };
  const [rows, ...columns] = shape;
  if (rows === undefined || rows % count !== 0)
    fail(`${targets[0]!.path} is stored as [${shape.join(', ')}], which is not ${count} tensors of the same size`);
  return { shape: [rows! / count, ...columns], turn };
}
