/**
 * A stage that gives a size of its own (`image_size 448`): the model is elaborated again with it, and goes on from the same
 * weights. Only tables of learned positions that say how they are resampled may depend on it. Which settings are sizes is
 * for the recipe to say (`shapes`).
 */
import type { HostTensor } from '../../../shared/tensor.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import type { WeightReader } from '../../targets/target.ts';
import { StageError } from '../../training/stage-error.ts';
import { resampleGrid } from '../weights/resample.ts';

/** `vit.image_size=448` and how a stage says it, for each of its clauses that sizes depend on. */
export interface SizeClause {
  readonly set: string;
  readonly said: string;
}

/**
 * The sizes that a stage gives and the model does not have already.
 * @throws StageError where the file does not say which config value a size is
 */
export function sizeClauses({ recipe }: Pick<Model, 'recipe'>, { options }: Stage): readonly SizeClause[] {
  if (!recipe) return [];
  const { declaration, settings, places } = recipe;
  return (declaration.shapes ?? []).flatMap((name) => {
    const value = options[name];
    if (value === undefined || value === settings[name]) return [];
    const place = places[name];
    if (place === undefined)
      throw new StageError(`it gives ${name}, and the model's recipe does not read ${name} from a config value`);
    const text = JSON.stringify(value);
    return [{ set: `${place}=${text}`, said: `${name} ${text}` }];
  });
}

/** Whether weights of one size can go on at another. @throws StageError when more than position tables depend on it */
export function checkSizes(own: Model, sized: Model, said: string): void {
  for (const [key, { shape, resample }] of sized.parameters) {
    const before = own.parameters.get(key)?.shape;
    if (resample !== undefined || before === undefined || before.join() === shape.join()) continue;
    throw new StageError(
      `${said} makes ${key} [${shape.join(', ')}] of [${before.join(', ')}], ` +
        'and only parameters declared with `resample` can change their size',
    );
  }
}

/** Tensors by key, with the tables that are of another size than the model's resampled. @throws CliError C0110 */
export function fitted(model: Model, tensors: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> {
  return new Map(
    [...tensors].map(([key, tensor]) => {
      const parameter = model.parameters.get(key);
      const fits = !parameter?.resample || parameter.shape.join() === tensor.shape.join();
      return [key, fits ? tensor : resampleGrid(parameter, tensor)];
    }),
  );
}

/** Tables of the own size's weights, for the sized model: a seed would make others at another size. */
export async function tablesOf(own: Model, sized: Model, weights: WeightReader): Promise<Map<string, HostTensor>> {
  const tables = new Map<string, HostTensor>();
  for (const [key, { resample, shape }] of sized.parameters) {
    const before = own.parameters.get(key);
    if (resample && before && before.shape.join() !== shape.join()) tables.set(key, await weights.read(key));
  }
  return fitted(sized, tables);
}
