/** Messages about recipes: what a model, a stage or a caller says to one. Part of the catalogue in errors.ts. */
import { message } from './message.ts';

const suggestion = (near: string | undefined): string => (near === undefined ? '' : `, did you mean ${near}`);

type Named = { readonly name: string; readonly known: readonly string[]; readonly near: string | undefined };
type Said = { readonly who: string; readonly clause: string; readonly data: string };

export const RECIPE_MESSAGES = {
  recipe_setting_unknown: message(
    'R1120',
    ({ recipe, name, known, near }: Named & { recipe: string }) =>
      `the recipe ${recipe} has no setting ${name}${suggestion(near)}, and its settings are ${known.join(', ')}`,
  ),
  recipe_setting_value: message(
    'R1121',
    ({ recipe, name, value, expected }: { recipe: string; name: string; value: unknown; expected: string }) =>
      `the setting ${name} of the recipe ${recipe} is ${JSON.stringify(value)} and must be ${expected}, so change it`,
  ),
  recipe_setting_missing: message(
    'R1122',
    ({ recipe, name, why }: { recipe: string; name: string; why: string }) =>
      `${why} need the setting ${name} of the recipe ${recipe}, which the model does not give: add \`${name} = …\` to \`recipe "${recipe}" { … }\` in its file`,
  ),
  recipe_unknown: message(
    'R1123',
    ({ name, known, near }: Named) =>
      `there is no recipe ${name}${suggestion(near)}, and the recipes are ${known.join(', ')}`,
  ),
  stage_clause_missing: message(
    'R1124',
    ({ who, clause, data, fix }: Said & { fix: string }) =>
      `${who} does not say its ${clause}, which the data ${data} needs: add ${fix}`,
  ),
  stage_clause_unused: message(
    'R1125',
    ({ who, clause, data }: Said) => `${who} says its ${clause}, and the data ${data} has its own: leave it out`,
  ),
  no_image_tokens: message(
    'R1126',
    ({ who, model }: { who: string; model: string }) =>
      `${who} cannot make batches of pictures: ${model} has no entry encode_image that gives image tokens [N, tokens, d], so add one, or give batches with --batch`,
  ),
  file_not_used: message(
    'R1127',
    ({ file, reason }: { file: string; reason: string }) => `the file ${file} cannot be used: ${reason}`,
  ),
} as const;
