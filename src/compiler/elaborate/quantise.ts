/** `quantise PATTERN as int4(group = 32)`: which parameters are stored as small integers, and how. */
import { BITS, GROUPS, METHODS, type Quantisation } from '../../shared/quantisation.ts';
import { sizeOf } from '../../shared/tensor.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import { formatPosition } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { BoundArgument } from './builtin.ts';
import { bindArguments } from './calls.ts';
import type { Evaluation } from './evaluation.ts';
import type { ParameterInfo } from './instance.ts';
import { compilePattern, explainNoMatch } from './pattern.ts';
import { describe } from './values.ts';

/** What becomes of some parameters; a later rule for one of them counts. */
export interface QuantiseRule {
  readonly keys: readonly string[];
  readonly as: Quantisation | 'f32';
  /** `m.mdl:4:1` */
  readonly where: string;
}

/** In the order of the declarations. @param more those of the command line, after those of the file */
export function quantiseRules(e: Evaluation, more: readonly ast.QuantiseDeclaration[]): readonly QuantiseRule[] {
  return [...e.program.quantises, ...more].flatMap((declaration) => e.attempt(() => rulesOf(e, declaration)) ?? []);
}

function rulesOf(e: Evaluation, declaration: ast.QuantiseDeclaration): readonly QuantiseRule[] {
  if (declaration.when !== undefined && !e.condition(declaration.when, e.rootFrame())) return [];
  const as = storageOf(e, declaration);
  return declaration.patterns.map((pattern) => ({
    keys: matricesOf(e, pattern, as),
    as,
    where: formatPosition(pattern.span.source, pattern.span.start),
  }));
}

function storageOf(e: Evaluation, { as, arguments: given, span }: ast.QuantiseDeclaration): Quantisation | 'f32' {
  const frame = e.rootFrame();
  if (as.text === 'f32') {
    bindArguments(e, as.text, [], given, span, frame);
    return 'f32';
  }
  const bits = BITS.find((known) => as.text === `int${known}`);
  if (bits === undefined) return e.fail(diagnose('unknown_storage', { name: as.text }, as.span));
  const formals = ['group', 'zeros', 'method'].map((name) => ({ name, optional: true }));
  const bound = bindArguments(e, as.text, formals, given, span, frame);
  const group = oneOf(e, 'group', GROUPS, bound.get('group')) ?? 32;
  const zeros = oneOf(e, 'zeros', [true, false] as const, bound.get('zeros')) ?? false;
  const method = oneOf(e, 'method', METHODS, bound.get('method')) ?? 'nearest';
  if (method === 'hqq' && !zeros) {
    const at = bound.get('method')!.span;
    e.fail(diagnose('quantise_argument', { what: 'method', expected: '"nearest" without zeros', found: '"hqq"' }, at));
  }
  return { bits, group, zeros, method };
}

function oneOf<T extends string | number | boolean>(
  e: Evaluation,
  what: string,
  known: readonly T[],
  argument: BoundArgument | undefined,
): T | undefined {
  if (argument === undefined) return undefined;
  const { value, span } = argument;
  const plain = 'value' in value ? value.value : undefined;
  const found = known.find((one) => one === plain);
  if (found !== undefined) return found;
  const expected = `one of ${known.map((one) => JSON.stringify(one)).join(', ')}`;
  return e.fail(diagnose('quantise_argument', { what, expected, found: describe(value) }, span));
}

/** The keys of the f32 parameters of two axes that a pattern covers, by path or key. */
function matricesOf(e: Evaluation, pattern: ast.PathPattern, as: Quantisation | 'f32'): readonly string[] {
  const { covers } = compilePattern(pattern.text);
  const covered = (all: Iterable<ParameterInfo>): ParameterInfo[] =>
    [...all].filter(({ path, keys }) => [path, ...keys].some(covers));
  const own = covered(e.modules.parameters.values());
  const { span, text } = pattern;
  if (own.length === 0) {
    // a flag that switched it off is no slip
    if (covered(e.modules.absent).length > 0) return [];
    const paths = [...e.modules.parameters.values()].map(({ path }) => path);
    return e.fail(diagnose('pattern_matches_nothing', { pattern: text }, span, { notes: explainNoMatch(text, paths) }));
  }
  const matrices = own.filter(({ dtype, shape }) => dtype === 'f32' && shape.length === 2 && sizeOf(shape) > 0);
  if (matrices.length === 0) e.fail(diagnose('quantise_no_matrix', { pattern: text }, span));
  if (as !== 'f32') {
    for (const { keys, shape, span: at } of matrices) {
      const last = shape[1]!;
      if (last % as.group === 0) continue;
      const fitting = GROUPS.filter((size) => last % size === 0);
      const notes = [
        fitting.length > 0
          ? `${last} is a multiple of ${fitting.join(', ')}`
          : 'no group does: `as f32` leaves it as it is',
      ];
      const secondary = [{ span: at, message: `${keys[0]} is declared here` }];
      e.report(diagnose('quantise_indivisible', { key: keys[0], last, group: as.group }, span, { notes, secondary }));
    }
  }
  return matrices.map(({ keys }) => keys[0]);
}
