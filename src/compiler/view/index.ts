/** A model as people look at it (shared/view.ts). Pure; a page asks for it after each edit. */
import { sizeOf } from '../../shared/tensor.ts';
import type { ModelView } from '../../shared/view.ts';
import type { Model } from '../elaborate/model.ts';
import { runPipeline } from '../passes/pipeline.ts';
import { entryOf } from './entry.ts';
import { ELEMENT_BYTES, treeOf } from './tree.ts';

/**
 * @param entries whose graphs are wanted; all of them by default. The tree is of all in either case
 * @returns undefined where an entry has errors, which are then in the model's diagnostics
 */
export function viewOf(model: Model, entries: readonly string[] = model.entries): ModelView | undefined {
  const traced = model.entries.map((name) => model.entry(name));
  const sound = traced.filter((entry) => entry !== undefined);
  if (sound.length < traced.length) return undefined;
  const parameters = [...model.parameters.values()];
  return {
    name: model.name,
    about: aboutOf(model),
    parameters: parameters.reduce((sum, { buffer, shape }) => sum + (buffer ? 0 : sizeOf(shape)), 0),
    bytes: parameters.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * ELEMENT_BYTES[dtype], 0),
    tree: treeOf(model, sound),
    entries: sound.filter(({ graph }) => entries.includes(graph.name)).map(({ graph }) => entryOf(runPipeline(graph))),
  };
}

function aboutOf({ settings }: Model): string {
  const flags = [...settings.flags].map(([name, on]) => `${name}=${on}`);
  return [`config ${settings.configName}`, ...flags].join(', ');
}
