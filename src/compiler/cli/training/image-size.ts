/**
 * A stage's `image_size`: the model is elaborated again with that size, and goes on from the same weights. Only tables of
 * learned positions that say how they are resampled may depend on it.
 */
import { openCheckpoint } from '../../../runtime/index.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { StageError } from '../../training/stage-error.ts';
import { type SettingsOptions, type WeightsOptions, weightsText } from '../model.ts';
import type { Output } from '../output.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { resampleGrid } from '../weights/resample.ts';

/** The config value that a stage's image_size sets, and that data sets and `generate` read. */
export const IMAGE_SIZE = 'vit.image_size';

/** In the metadata of weights that were trained at another size than their config's. */
const METADATA = 'mdl.image_size';

export function sizeOf(model: Pick<Model, 'config'>): number | undefined {
  const { vit } = model.config() as { readonly vit?: { readonly image_size?: unknown } | null };
  return typeof vit?.image_size === 'number' ? vit.image_size : undefined;
}

/** @throws StageError when there is no image size to set */
export function needsSize(model: Model): void {
  if (sizeOf(model) === undefined) throw new StageError(`it gives image_size, and the config has no ${IMAGE_SIZE}`);
}

/** Whether weights of one size can go on at another. @throws StageError when more than position tables depend on it */
export function checkSizes(own: Model, sized: Model, { options }: Stage): void {
  for (const [key, { shape, resample }] of sized.parameters) {
    const before = own.parameters.get(key)?.shape;
    if (resample !== undefined || before === undefined || before.join() === shape.join()) continue;
    throw new StageError(
      `image_size ${JSON.stringify(options.image_size)} makes ${key} [${shape.join(', ')}] of [${before.join(', ')}], ` +
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
export async function tablesOf(own: Model, sized: Model, weights: WeightProvider): Promise<Map<string, HostTensor>> {
  const tables = new Map<string, HostTensor>();
  for (const [key, { resample, shape }] of sized.parameters) {
    const before = own.parameters.get(key);
    if (resample && before && before.shape.join() !== shape.join()) tables.set(key, await weights.read(key));
  }
  return fitted(sized, tables);
}

/** What is stored with weights, so that they are used at the size they were trained at. */
export function sizeMetadata(own: Model, trained: Model): Readonly<Record<string, string>> {
  const size = sizeOf(trained);
  return size === undefined || size === sizeOf(own) ? {} : { [METADATA]: String(size) };
}

/** Options with the size that the weights were trained at, unless `--set` gives another. */
export async function atTrainedSize<T extends SettingsOptions & WeightsOptions>(
  options: T,
  output: Output,
): Promise<T> {
  const size = options.weights === undefined ? undefined : await recordedSize(options.weights);
  const given = options.set ?? [];
  if (size === undefined || given.some((text) => text.startsWith(`${IMAGE_SIZE}=`))) return options;
  output.note(
    `images of ${size} × ${size}, as ${weightsText(options.weights ?? [])} was trained (--set ${IMAGE_SIZE}=N for another size)`,
  );
  return { ...options, set: [`${IMAGE_SIZE}=${size}`, ...given] };
}

/** A file that cannot be read says so where its weights are. */
async function recordedSize(file: string | readonly string[]): Promise<number | undefined> {
  try {
    const checkpoint = await openCheckpoint(file);
    const size = Number(checkpoint.files.find(({ metadata }) => metadata.has(METADATA))?.metadata.get(METADATA));
    await checkpoint.close();
    return Number.isSafeInteger(size) && size > 0 ? size : undefined;
  } catch {
    return undefined;
  }
}
