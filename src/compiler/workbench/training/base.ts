/** The weights a stage starts from, before what earlier stages trained. */
import { cliError } from '../errors.ts';
import { openWeights, type WeightsOptions } from '../model.ts';
import type { Notes } from '../notes.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { overlayWeights } from './overlay.ts';
import { tablesOf } from './resized.ts';
import type { LoadedStage } from './staged.ts';

/** Adapters that the weights lack are made from their initialisers. @throws CliError C0106, and as openWeights */
export async function openBase(
  { model, own }: Pick<LoadedStage, 'model' | 'own'>,
  options: WeightsOptions,
  output: Notes,
): Promise<WeightProvider> {
  const adapters = [...model.parameters.values()]
    .filter(({ adapter }) => adapter !== undefined)
    .map(({ path }) => path);
  const given = { ...options, allowMissing: [...(options.allowMissing ?? []), ...adapters] };
  const weights = await openWeights(model, given, output);
  if (!weights) throw cliError('weights_needed', { weights: 'no weights were given' });
  // a checkpoint's tables are resampled as they are read; a seed would make unrelated ones at another size
  if (!own || options.init === undefined) return weights;
  try {
    const seeded = await openWeights(own, given, output);
    return overlayWeights(weights, await tablesOf(own, model, seeded!));
  } catch (error) {
    await weights.close();
    throw error;
  }
}
