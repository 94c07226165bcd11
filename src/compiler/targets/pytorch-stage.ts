/** A stage for PyTorch: what stages/NAME.py says, and the files that train by it. */
import { stageFile, TorchProblem, TRAINING_FILES } from '../backends/pytorch/index.ts';
import type { Model } from '../elaborate/model.ts';
import type { Stage } from '../elaborate/stages.ts';
import type { Graphs } from '../graphs.ts';
import { batchWeight } from '../training/batch-weight.ts';
import { dropsOut, optimiserSettings, scheduleOf } from '../training/plan.ts';
import { lossOutput } from '../training/scalars.ts';

/** train.py, what it is made of, and the stage's settings. @throws StageError, TorchProblem */
export function trainingFiles(graphs: Graphs, root: string): ReadonlyMap<string, string> {
  const { model, stage, training: plan } = graphs;
  if (!stage || !plan) return new Map();
  const loss = graphs.entries.find(({ name }) => name === stage.minimizes);
  if (!loss)
    throw new TorchProblem('torch_stage', {
      stage: stage.name,
      reason: `model.py needs the entry \`${stage.minimizes}\` to train`,
    });
  const { graph, checks } = loss.guarded;
  const optimizer = optimiserSettings(stage);
  if ('bits' in optimizer && optimizer.bits === 8)
    throw new TorchProblem('torch_stage', {
      stage: stage.name,
      reason: 'it has no optimiser with state of 8 bits: leave `bits = 8` out',
    });
  if (stage.options.loss_chunk !== undefined)
    throw new TorchProblem('torch_stage', {
      stage: stage.name,
      reason: 'its loss is computed of whole logits: leave `loss_chunk` out',
    });
  const weights = batchWeight(model, stage);
  if (!weights) throw new Error(`the loss of ${model.name} was traced before`);
  const text = stageFile({
    plan,
    model: root,
    doc: stage.doc,
    optimizer,
    schedule: stage.schedule && scheduleOf(stage),
    combine: weights.combine,
    weights: weights.graph,
    dropout: dropsOut(stage),
    recompute: stage.options.recompute === true,
    seed: typeof stage.options.seed === 'number' ? stage.options.seed : 0,
    eval: evaluated(model, stage),
    inputs: graph.inputs.map(({ name }) => name),
    outputs: graph.outputs.map(({ name }) => name).filter((name) => name !== checks?.output),
    loss: lossOutput(graph, stage.loss).name,
    paths: pathsOf(model),
  });
  const own = Object.entries(TRAINING_FILES).map(([name, content]): [string, string] => [
    name === 'train.py' ? name : `training/${name}`,
    content,
  ]);
  return new Map([...own, [`stages/${stage.name}.py`, text]]);
}

/** Keys of the outermost modules that run as in inference. */
function evaluated(model: Model, stage: Stage): string[] {
  const paths = [...model.instances].filter(({ path, absent }) => absent === undefined && stage.evaluates(path));
  const inside = (path: string): boolean => paths.some((outer) => path.startsWith(`${outer.path}.`));
  return paths.filter(({ path }) => !inside(path)).map(({ path, keys }) => keys[0] ?? path);
}

/** Key → path of modules whose key says another path than the module around them. */
function pathsOf(model: Model): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const said = (key: string): string => {
    const outer = [...found.keys()].filter((one) => key.startsWith(`${one}.`)).sort((a, b) => b.length - a.length)[0];
    return outer === undefined ? key : found.get(outer)! + key.slice(outer.length);
  };
  for (const { path, keys, absent, base } of model.instances) {
    const key = keys[0];
    if (absent === undefined && !base && key !== undefined && key !== '' && said(key) !== path) found.set(key, path);
  }
  return found;
}
