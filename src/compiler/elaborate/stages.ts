/** Stages: what trains, with which optimiser and schedule. Checked here; run by the trainer. */
import type { ConfigValue } from '../../shared/artifact.ts';
import { nearest } from '../../shared/nearest.ts';
import type { RecipeDeclaration } from '../../shared/recipe.ts';
import { entryFor } from '../../shared/roles.ts';
import { MINIMIZE } from '../check/entry-names.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import { plain } from './constants.ts';
import type { Evaluator } from './evaluator.ts';
import type { Frame } from './frame.ts';
import type { ParameterInfo } from './instance.ts';
import { compilePattern, explainNoMatch } from './pattern.ts';
import { clauseNote, entryNamed, type ModelRecipe, type NamedEntry } from './recipe.ts';
import type { Value } from './values.ts';

/** `adamw(betas = (0.9, 0.999))` as data. */
export interface StageCall {
  readonly name: string;
  readonly arguments: { readonly [name: string]: ConfigValue };
}

export interface Stage {
  readonly name: string;
  readonly doc: string;
  readonly flags: ReadonlyMap<string, boolean>;
  readonly trained: readonly ParameterInfo[];
  /** what the stage keeps weight decay from, beside tensors of rank below 2, which never decay */
  readonly noDecay: ReadonlySet<ParameterInfo>;
  /** patterns of the modules that run as in inference while the stage trains */
  readonly eval: readonly string[];
  /** whether a module is one of them */
  evaluates(path: string): boolean;
  /** the entry whose loss it makes small */
  readonly minimizes: string;
  /** the output of it, where the file names one */
  readonly loss: string | undefined;
  readonly optimize: StageCall | undefined;
  readonly schedule: StageCall | undefined;
  /** the other clauses: batch, accumulate, clip, …, and those of the model's recipe */
  readonly options: { readonly [clause: string]: ConfigValue };
}

type Calls = Readonly<Record<string, readonly string[]>>;

/** Optimisers and their arguments. AdamW: Loshchilov and Hutter 2019, arXiv:1711.05101. */
const OPTIMIZERS: Calls = {
  adamw: ['betas', 'eps', 'weight_decay', 'bits'],
  adam: ['betas', 'eps', 'weight_decay', 'bits'],
  sgd: ['momentum', 'nesterov', 'weight_decay'],
  lion: ['betas', 'weight_decay'],
};
/** Learning-rate schedules (runtime/train/schedule.ts has their formulas). */
const SCHEDULES: Calls = {
  linear_warmup_cosine: ['warmup_lr', 'lr', 'min_lr', 'warmup', 'iters', 'epochs'],
  step: ['lr', 'min_lr', 'decay_rate', 'warmup_lr', 'warmup', 'iters', 'epochs'],
  constant: ['lr', 'iters', 'epochs'],
};

/** What a clause may be given, in words and as a test. */
interface OptionRule {
  readonly expected: string;
  readonly fits: (value: ConfigValue) => boolean;
}

const int = (least: number) => (value: ConfigValue) => Number.isSafeInteger(value) && (value as number) >= least;
const COUNT: OptionRule = { expected: 'an int above 0', fits: int(1) };
const number = (fits: (value: number) => boolean) => (value: ConfigValue) =>
  typeof value === 'number' && Number.isFinite(value) && fits(value);
const POSITIVE: OptionRule = { expected: 'a number above 0', fits: number((x) => x > 0) };
const NOT_NEGATIVE: OptionRule = { expected: 'a number of at least 0', fits: number((x) => x >= 0) };
const oneOf = (names: readonly ConfigValue[]): OptionRule => ({
  expected: `one of ${names.map((name) => JSON.stringify(name)).join(', ')}`,
  fits: (value) => names.includes(value),
});

type OptionRules = Readonly<Record<string, OptionRule | undefined>>;

/** The other clauses. */
const OPTIONS: OptionRules = {
  batch: COUNT,
  accumulate: COUNT,
  average: oneOf(['samples', 'batches']),
  clip: POSITIVE,
  dropout: {
    expected: 'true, false or 0: its rate stands where it is applied',
    fits: (x) => x === 0 || typeof x === 'boolean',
  },
  recompute: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
  loss_chunk: COUNT,
  loss_scale: { expected: '"dynamic" or a number above 0', fits: (x) => x === 'dynamic' || POSITIVE.fits(x) },
  seed: { expected: 'an int of at least 0', fits: int(0) },
};

/** Arguments of optimisers and schedules; those that are not here are checked with the optimiser's plan. */
const ARGUMENTS: OptionRules = {
  lr: NOT_NEGATIVE,
  min_lr: NOT_NEGATIVE,
  warmup: NOT_NEGATIVE,
  iters: COUNT,
  epochs: COUNT,
  decay_rate: POSITIVE,
  weight_decay: NOT_NEGATIVE,
};

/** @param recipe the model's, which has clauses of its own; `known` are all, for what is said of a clause that none has */
export function checkStages(
  e: Evaluator,
  recipe: ModelRecipe | undefined,
  known: readonly RecipeDeclaration[],
): Stage[] {
  const seen = new Map<string, ast.Name>();
  const coveredBy = covering(e);
  return e.program.stages.flatMap((stage) => {
    const before = seen.get(stage.name.text);
    if (before) {
      e.report(
        diagnose('duplicate_name', { name: stage.name.text }, stage.name.span, {
          secondary: [{ span: before.span, message: 'first declared here' }],
        }),
      );
    }
    seen.set(stage.name.text, stage.name);
    const checked = e.attempt(() => checkStage(e, stage, { recipe, known, coveredBy }));
    return checked ? [checked] : [];
  });
}

interface Surroundings {
  readonly recipe: ModelRecipe | undefined;
  readonly known: readonly RecipeDeclaration[];
  readonly coveredBy: (pattern: string) => readonly ParameterInfo[];
}

/** The parameters that a pattern covers, switched-off ones left out; stages share most of their patterns. */
function covering(e: Evaluator): (pattern: string) => readonly ParameterInfo[] {
  const live = [...e.modules.parameters.values()].filter((parameter) => !parameter.buffer);
  const known = new Map<string, readonly ParameterInfo[]>();
  return (text) => {
    const before = known.get(text);
    if (before) return before;
    const pattern = compilePattern(text);
    const covered = live.filter(({ path }) => pattern.covers(path));
    known.set(text, covered);
    return covered;
  };
}

function checkStage(e: Evaluator, stage: ast.StageDeclaration, around: Surroundings): Stage {
  const { recipe, coveredBy } = around;
  const trained = parametersMatching(e, stage.train, coveredBy);
  const noDecay = parametersMatching(e, stage.noDecay, coveredBy);
  for (const { text, span } of stage.noDecay) {
    const kept = coveredBy(text);
    if (kept.length > 0 && !kept.some((parameter) => trained.has(parameter)))
      e.report(diagnose('keeps_nothing', { pattern: text, stage: stage.name.text }, span));
  }
  const evaluates = modulesMatching(e, stage.eval);
  if (stage.train.length === 0) e.report(diagnose('trains_nothing', { name: stage.name.text }, stage.name.span));
  onlyOnce(e, stage.set);
  onlyOnce(e, stage.clauses);
  const flags = flagsOf(e, stage);
  const { minimizes, optimize, schedule, options } = clausesOf(e, stage, around);
  return {
    name: stage.name.text,
    doc: stage.doc,
    flags,
    trained: [...trained],
    noDecay,
    eval: stage.eval.map(({ text }) => text),
    evaluates,
    minimizes: minimizes?.entry ?? entryFor(recipe?.roles, 'loss'),
    loss: minimizes ? minimizes.output : recipe?.outputs.loss,
    optimize,
    schedule,
    options,
  };
}

/** What `set flag = …` of a stage turns. */
function flagsOf(e: Evaluator, stage: ast.StageDeclaration): Map<string, boolean> {
  const flags = new Map<string, boolean>();
  const frame = e.rootFrame();
  for (const { name, value } of stage.set) {
    if (e.program.flags.has(name.text)) {
      const on = e.attempt(() => e.condition(value, frame));
      if (on !== undefined) flags.set(name.text, on);
    } else {
      const suggestions = fix(didYouMean(name.text, e.program.flags.keys(), name.span));
      e.report(diagnose('unknown_setting', { name: name.text }, name.span, { suggestions }));
    }
  }
  return flags;
}

/** Clauses of every stage, beside those that are options. */
const CLAUSES = ['train', 'no_decay', 'eval', 'set', MINIMIZE, 'optimize', 'schedule'] as const;

function clausesOf(e: Evaluator, stage: ast.StageDeclaration, { recipe, known }: Surroundings) {
  const rules: OptionRules = { ...recipe?.declaration.clauses, ...OPTIONS };
  const frame = e.rootFrame();
  let minimizes: NamedEntry | undefined;
  let optimize: StageCall | undefined;
  let schedule: StageCall | undefined;
  const options: { [clause: string]: ConfigValue } = {};
  for (const { name, value } of stage.clauses) {
    if (name.text === MINIMIZE) minimizes = entryNamed(e, value);
    else if (name.text === 'optimize') optimize = e.attempt(() => stageCall(e, value, OPTIMIZERS, frame));
    else if (name.text === 'schedule') schedule = e.attempt(() => stageCall(e, value, SCHEDULES, frame));
    else if (Object.hasOwn(rules, name.text)) {
      const option = e.attempt(() => valid(e, rules, name.text, e.expression(value, frame), value));
      if (option !== undefined) options[name.text] = option;
    } else {
      const suggestions = fix(didYouMean(name.text, [...CLAUSES, ...Object.keys(rules)], name.span));
      const notes = clauseNote(recipe, known, name.text);
      e.report(diagnose('unknown_clause', { name: name.text }, name.span, { notes, suggestions }));
    }
  }
  return { minimizes, optimize, schedule, options };
}

/** Whether a module is one that the patterns cover. Reports each pattern that covers none. */
function modulesMatching(e: Evaluator, patterns: readonly ast.PathPattern[]): (path: string) => boolean {
  const compiled = patterns.map(({ text, span }) => {
    const pattern = compilePattern(text);
    const paths = [...e.modules.instances.keys()].filter((path) => path !== '');
    if (!paths.some((path) => pattern.covers(path)))
      e.report(diagnose('pattern_matches_nothing', { pattern: text }, span, { notes: explainNoMatch(text, paths) }));
    return pattern;
  });
  return (path) => compiled.some((pattern) => pattern.covers(path));
}

/** What the patterns cover, switched-off parameters left out. Reports each pattern that covers nothing, on or off. */
function parametersMatching(
  e: Evaluator,
  patterns: readonly ast.PathPattern[],
  coveredBy: Surroundings['coveredBy'],
): Set<ParameterInfo> {
  const found = new Set<ParameterInfo>();
  for (const pattern of patterns) {
    const matched = coveredBy(pattern.text);
    for (const parameter of matched) found.add(parameter);
    if (matched.length > 0) continue;
    const compiled = compilePattern(pattern.text);
    if (e.modules.absent.some((parameter) => compiled.covers(parameter.path))) continue;
    const instances = [...e.modules.instances.keys()];
    const isThere = [...instances, ...e.modules.parameters.keys()].some((path) => compiled.covers(path));
    const notes = isThere
      ? [`${pattern.text} has no parameters: buffers are updated, not trained`]
      : explainNoMatch(pattern.text, [
          ...[...e.modules.parameters.values()].flatMap(({ buffer, path }) => (buffer ? [] : [path])),
          ...instances,
        ]);
    e.report(diagnose('pattern_matches_nothing', { pattern: pattern.text }, pattern.span, { notes }));
  }
  return found;
}

/** The last of two would be used without a word. */
function onlyOnce(e: Evaluator, items: readonly { readonly name?: ast.Name | undefined }[]): void {
  const given = new Map<string, ast.Name>();
  for (const { name } of items) {
    if (!name) continue;
    const before = given.get(name.text);
    if (before) {
      const first = { span: before.span, message: 'first given here' };
      e.report(diagnose('duplicate_name', { name: name.text }, name.span, { secondary: [first] }));
    }
    given.set(name.text, name);
  }
}

/** The value as data, which its rule takes. */
function valid(e: Evaluator, rules: OptionRules, name: string, value: Value, at: ast.Expression): ConfigValue {
  const option = plain(e, value, at);
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined || rule.fits(option)) return option;
  const found = typeof option === 'number' ? String(option) : JSON.stringify(option);
  return e.fail(diagnose('wrong_type', { what: name, expected: rule.expected, found }, at.span));
}

function stageCall(e: Evaluator, expression: ast.Expression, known: Calls, frame: Frame): StageCall {
  const call = expression.kind === 'call' && !expression.piped ? expression : undefined;
  const name = call?.callee.kind === 'name' ? call.callee.text : undefined;
  const formals = name === undefined ? undefined : known[name];
  if (!call || !name || !formals || !Object.hasOwn(known, name)) {
    const near = name ? nearest(name, Object.keys(known)) : undefined;
    return e.fail(
      diagnose(
        'wrong_type',
        {
          what: 'this clause',
          expected: Object.keys(known)
            .map((k) => `${k}(…)`)
            .join(', '),
          found: name ?? 'another expression',
        },
        expression.span,
        {
          notes: near ? [`did you mean \`${near}\`?`] : [],
        },
      ),
    );
  }
  const args: { [name: string]: ConfigValue } = {};
  onlyOnce(e, call.arguments);
  for (const argument of call.arguments) {
    if (!argument.name || !formals.includes(argument.name.text)) {
      const text = argument.name?.text ?? '(unnamed)';
      const near = nearest(text, formals);
      e.report(
        diagnose('unknown_argument', { callee: name, name: text }, argument.span, {
          notes: [
            near ? `did you mean \`${near}\`?` : `${name} takes ${formals.join(', ')}`,
            ...(known === OPTIMIZERS && /^(lr|learning_rate)$/.test(text)
              ? ['the learning rate is given in `schedule`']
              : []),
          ],
        }),
      );
      continue;
    }
    const { name: formal, value } = argument;
    const given = e.attempt(() => valid(e, ARGUMENTS, formal.text, e.expression(value, frame), value));
    if (given !== undefined) args[formal.text] = given;
  }
  return { name, arguments: args };
}
