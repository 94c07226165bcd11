/** The long forms of messages/recipes.ts. */
import type { Explanations } from '../message.ts';
import type { RECIPE_MESSAGES } from '../messages/recipes.ts';

export const RECIPE_EXPLANATIONS: Explanations<typeof RECIPE_MESSAGES> = {
  unknown_recipe: {
    text: `A recipe says how a kind of model meets data. docs/recipes.md lists those that come with the compiler.`,
    example: `recipe "vision-langage" { image_size = 56 }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  unknown_recipe_setting: {
    text: `Each recipe has a table of settings, with the kind and the meaning of each; docs/recipes.md lists them. A setting that nothing reads would
have no effect.`,
    example: `recipe "vision-language" { image_sise = 56 }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  several_recipes: {
    text: `A model meets data in one way, so its file names one recipe. Models that are trained on two kinds of data are two files that import the same
modules.`,
    example: `recipe "vision-language" { image_size = 56 }
recipe "vision-language" { image_size = 112 }
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }
`,
  },
  other_recipe: {
    text: `\`--recipe\` gives a recipe to a file that names none. It does not replace the one that a file names, whose settings would mean something else.`,
  },
  unknown_role_entry: {
    text: `A stage trains what its \`minimize\` names, and a recipe runs the entries that play its roles: the one called as the role, or the one that
the recipe's declaration gives it to. Name an entry of the model.`,
    example: `recipe "text" { loss = objektive }
model Tiny { entry objective(x: [B]) -> (loss: []) { mean(x) } }
`,
  },
  role_not_entry: {
    text: `A role is given to an entry by its name, which an editor finds and renames as any other name: \`decode = step\`, \`minimize objective\`. It is no
string and no expression.`,
    example: `recipe "text" { loss = "objective" }
model Tiny { entry objective(x: [B]) -> (loss: []) { mean(x) } }
`,
  },
  unknown_role_output: {
    text: `What is behind the entry's name is the output that is meant by the role: \`minimize objective.total\`, \`decode = step.scores\`. Name one of
those behind the entry's \`->\`. It is left out where the output is called as usual (\`loss\`, \`inputs_embeds\`, \`logits\`), or where only
one can be it by its type.`,
    example: `recipe "text" { loss = objective.totl }
model Tiny { entry objective(x: [B]) -> (total: [], mean: []) { (sum(x), mean(x)) } }
`,
  },
};
