// A model of your own trained from code: node examples/node/train.mjs MODEL.mdl DATA [STEPS] [CONFIG]. The last lines of docs/train.md are
// the same in a page.
import {
  isStep,
  modelFile,
  recipeData,
  seededWeights,
  stagesOf,
  trainStages,
  writeSafetensors,
} from 'mdl-compiler/train';

const [model, data, steps, config] = process.argv.slice(2);
const stages = await stagesOf({
  ...modelFile(model),
  ...(config ? { settings: { config } } : {}),
  weights: (built) => seededWeights(built, 1),
  data: recipeData(model, { data, note: console.error }),
  backend: 'onnx',
});
const { trained } = await trainStages(stages, {
  ...(steps ? { steps: Number(steps) } : {}),
  onRecord: (record) => isStep(record) && console.log(`step ${record.step}  loss ${record.loss.toFixed(4)}`),
});
await writeSafetensors('trained.safetensors', trained);
