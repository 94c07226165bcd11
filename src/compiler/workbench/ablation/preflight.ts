/** What can be known of an ablation before its first step: every variant's checkpoint, and which flags nothing trains. */
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { CliError, cliError } from '../errors.ts';
import type { Notes } from '../notes.ts';
import { openBase } from '../training/base.ts';
import { openBatches, openHeldOut } from '../training/data.ts';
import { judges } from '../training/judge.ts';
import type { TrainingOptions } from '../training/options.ts';
import type { PreparedStage } from '../training/settings.ts';
import type { LoadedStage } from '../training/staged.ts';
import { loadStage, seedOf } from '../training/stages.ts';
import { tensorsText, untrainedKeys } from '../training/untrained.ts';
import type { Variant } from './variants.ts';

interface Checked {
  readonly variant: Variant;
  /** keys of the model in any of the stages */
  readonly keys: ReadonlySet<string>;
  /** those of them that are as initialised at the end */
  readonly untrained: ReadonlySet<string>;
}

export interface Preflight {
  /** variants with tensors that nothing loads or trains */
  readonly warnings: readonly string[];
  /** the full model's, with its data */
  readonly stages: readonly PreparedStage[];
}

/**
 * Opens what each variant starts from. One that does not compile is left to its cell, which tells it in the report.
 * @throws CliError C0312 for a checkpoint that a variant does not fit; for the full model as `openBase` and `openBatches`
 */
export async function preflight(
  file: string,
  variants: readonly Variant[],
  stages: readonly Stage[],
  options: TrainingOptions,
  output: Notes,
): Promise<Preflight> {
  const checked: Checked[] = [];
  const full: PreparedStage[] = [];
  for (const variant of variants) {
    const own = { ...options, set: [...(options.set ?? []), ...variant.set] };
    const found = await checkVariant(file, variant, stages, own, output, (stage) => full.push(stage));
    if (found) checked.push(found);
  }
  const everywhere = (key: string): boolean => checked.every(({ keys }) => keys.has(key));
  const warnings = checked.flatMap(({ variant, untrained }) => {
    // weights from a seed are never loaded; what all variants share does not tell them apart
    const keys = [...untrained].filter((key) => options.init === undefined || !everywhere(key));
    if (keys.length === 0) return [];
    const told = `${variant.label}: ${tensorsText(keys)} stay as initialised: no stage trains them and nothing was loaded for them`;
    return [everywhere(keys[0]!) ? told : `${told}; a comparison with and without them is of the initialisers`];
  });
  return { warnings, stages: full };
}

async function checkVariant(
  file: string,
  variant: Variant,
  stages: readonly Stage[],
  options: TrainingOptions,
  output: Notes,
  onFull: (stage: PreparedStage) => void,
): Promise<Checked | undefined> {
  const [keys, trained, untrained] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const declared of stages) {
    let loaded: LoadedStage;
    try {
      loaded = loadStage(file, options, declared, output);
    } catch (error) {
      if (variant.flag !== undefined && isOfCell(error)) return undefined;
      throw error;
    }
    const { model, stage } = loaded;
    const base = await openBase(loaded, options, output).catch((error: unknown) => {
      if (variant.flag === undefined || !(error instanceof CliError) || error.code !== 'C0101') throw error;
      throw cliError('variant_weights', { variant: variant.label, reason: error.message }, error.notes, error);
    });
    await base.close();
    if (variant.flag === undefined) {
      const seed = seedOf(stage, options.seed);
      const data = await openBatches(file, model, stage, { ...options, seed }, output);
      const asked =
        judges(options) && options.data !== undefined ? { ...options, data: options.data, seed } : undefined;
      const heldOut = asked && (await openHeldOut(file, model, stage, asked, output));
      onFull({ model, stage, data, ...(heldOut ? { heldOut } : {}) });
    }
    for (const key of model.parameters.keys()) keys.add(key);
    for (const key of untrainedKeys(model, stage, base, trained)) untrained.add(key);
    for (const { keys: own } of stage.trained) trained.add(own[0]);
  }
  return { variant, keys, untrained: new Set([...untrained].filter((key) => !trained.has(key))) };
}

/** Errors of a variant's own program, which its cell turns into an outcome. */
function isOfCell(error: unknown): boolean {
  return error instanceof DiagnosticError || (error instanceof CliError && error.code === 'C0202');
}
