/** What a model declares beside its graphs, as texts by name: initial values, stages, the recipe, layouts. */
import type { ParameterInfo } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';

/** What a parameter of these keys has beside its shape. */
export function traitsOf(model: Model, wanted: (key: string) => boolean): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { keys, initializer, buffer, resample, merged, adapter } of model.parameters.values()) {
    const [key, ...others] = keys;
    if (!wanted(key)) continue;
    texts.set(`${key} initial values`, JSON.stringify(initializer));
    if (others.length > 0) texts.set(`${key} other keys`, others.join(', '));
    if (buffer) texts.set(`${key} buffer`, 'true');
    if (resample) texts.set(`${key} resample prefix`, String(resample.prefix));
    if (merged) texts.set(`${key} merged`, 'true');
    if (adapter !== undefined) texts.set(`${key} adapter`, adapter);
  }
  return texts;
}

/** Clauses by stage; of the parameters that it trains those of wanted keys. */
export function stagesOf({ stages }: Model, wanted: (key: string) => boolean): Map<string, string> {
  return new Map(stages.flatMap((stage) => clausesOf(stage, wanted)));
}

function clausesOf(stage: Stage, wanted: (key: string) => boolean): (readonly [string, string])[] {
  const { name, flags, trained, noDecay, optimize, schedule, options } = stage;
  const call = (of: 'optimize' | 'schedule', value: Stage['optimize']): [string, string][] =>
    value
      ? [
          [of, value.name],
          ...Object.entries(value.arguments).map(([argument, given]): [string, string] => [
            `${of} ${argument}`,
            JSON.stringify(given),
          ]),
        ]
      : [];
  const clauses: [string, string][] = [
    ['trains', paths(trained, wanted)],
    ['no_decay', paths(noDecay, wanted)],
    ['eval', stage.eval.join(', ')],
    ...[...flags].map(([flag, on]): [string, string] => [`flag ${flag}`, String(on)]),
    ...call('optimize', optimize),
    ...call('schedule', schedule),
    ...Object.entries(options).map(([clause, value]): [string, string] => [clause, JSON.stringify(value)]),
  ];
  return clauses.map(([clause, text]) => [`${name} ${clause}`, text]);
}

function paths(parameters: Iterable<ParameterInfo>, wanted: (key: string) => boolean): string {
  return [...parameters]
    .filter(({ keys }) => wanted(keys[0]))
    .map(({ path }) => path)
    .sort()
    .join(', ');
}

export function recipeOf({ recipe }: Model): Map<string, string> {
  if (!recipe) return new Map();
  const settings = Object.entries(recipe.settings).map(([name, value]) => [name, JSON.stringify(value)] as const);
  return new Map([['recipe', recipe.declaration.name], ...settings]);
}

/** All of a layout but the patterns of keys that it calls unused. */
export function layoutsOf({ layouts }: Model): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { name, module, overlay, under, moves, initial, aliases } of layouts) {
    texts.set(
      `${name} for ${module}`,
      `${overlay ? 'overlay' : 'whole'}${under === undefined ? '' : ` under ${under}`}`,
    );
    for (const { sources, shape, targets, turn, optional } of moves) {
      const text = JSON.stringify({ sources, shape, ...(turn && { turn }), ...(optional && { optional }) });
      texts.set(`${name} ${targets.map(({ keys }) => keys[0]).join(' ++ ')}`, text);
    }
    for (const key of initial) texts.set(`${name} ${key}`, 'initial');
    for (const [alias, key] of aliases) texts.set(`${name} alias ${alias}`, key);
  }
  return texts;
}
