/** Variants of a model by its flags, from the model's text, as `ablateStages` takes them. Runs in a page too. */
import type { AblationVariant } from '../../../runtime/train/ablate.ts';
import type { Model } from '../../elaborate/model.ts';
import type { WeightReader } from '../../targets/target.ts';
import { modelOf, type StageData, type StagesRequest, stagedOf, trainable } from '../training/stages-of.ts';
import { type Variant, variantsOf } from './variants.ts';

export interface VariantsRequest extends Omit<StagesRequest, 'stages' | 'seed' | 'data' | 'weights'> {
  /** each is turned in a variant of its own */
  readonly flags: readonly string[];
  /** What the first stage starts from: of each seed its own where `seed` is used, `(model, seed) => seededWeights(model, seed)` */
  weights(model: Model, seed: number): WeightReader;
  /** Batches of a seed: every variant sees the same */
  data(seed: number): StageData;
}

export interface FlagVariant extends AblationVariant, Variant {}

/**
 * The model as it is set, called `full`, and the model with each flag turned: `no-lora`, or `with-lora` where it is off.
 * @throws DiagnosticError for what is wrong with the model as it is set; CliError C0301 for a flag that it has not
 */
export function flagVariants({ flags, data, weights, ...request }: VariantsRequest): readonly FlagVariant[] {
  const plain = modelOf(request);
  return variantsOf(plain.settings.flags, flags.join()).map((variant) => ({
    ...variant,
    stage: async (name, seed) => {
      const turned = {
        ...request,
        settings: { ...request.settings, set: [...(request.settings?.set ?? []), ...variant.set] },
      };
      const staged = stagedOf(turned, modelOf(turned), name);
      return staged.stage.trained.length === 0
        ? undefined
        : trainable({ ...turned, seed, weights: (model) => weights(model, seed), data: data(seed) }, staged);
    },
  }));
}
