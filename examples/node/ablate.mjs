// What a flag of a model is worth: node examples/node/ablate.mjs MODEL.mdl DATA FLAG STAGE [STEPS] [CONFIG].
import {
  ablateStages,
  flagVariants,
  modelFile,
  recipeData,
  seededWeights,
  summariseAblation,
} from 'mdl-compiler/train';

const [model, data, flag, stage, steps, config] = process.argv.slice(2);
const variants = flagVariants({
  ...modelFile(model),
  ...(config ? { settings: { config } } : {}),
  flags: [flag],
  weights: (built) => seededWeights(built, 1),
  data: (seed) => recipeData(model, { data, seed }),
  backend: 'onnx',
});
const [stages, seeds] = [[stage], [0, 1]];
const { records } = await ablateStages(variants, { stages, seeds, ...(steps ? { steps: Number(steps) } : {}) });
for (const { variant, loss, difference } of summariseAblation(records, { variants, seeds, stages, last: 1 }))
  console.log(`${variant}  loss ${loss?.mean.toFixed(4)}  difference ${difference?.mean.toFixed(4) ?? '–'}`);
