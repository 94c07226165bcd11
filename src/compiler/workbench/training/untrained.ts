/**
 * Tensors that a run uses as their initialisers made them: nothing loaded them, and no stage trains them. A module that a
 * flag adds is such a one when the stages do not name it, and then its flag changes little or nothing.
 */
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import type { WeightProvider } from '../weights/provider.ts';

/**
 * Their checkpoint keys.
 * @param trained keys that earlier stages trained
 */
export function untrainedKeys(
  model: Pick<Model, 'parameters'>,
  stage: Pick<Stage, 'trained'>,
  { fresh }: Pick<WeightProvider, 'fresh'>,
  trained: ReadonlySet<string>,
): string[] {
  if (fresh === undefined) return [];
  const now = new Set(stage.trained.map(({ keys }) => keys[0]));
  return [...model.parameters.values()]
    .filter(({ buffer, keys: [key] }) => !buffer && fresh.has(key) && !now.has(key) && !trained.has(key))
    .map(({ keys }) => keys[0]);
}

/** `3 tensors (extra.weight, extra.bias, …)` */
export function tensorsText(keys: readonly string[]): string {
  const names = keys.length > 4 ? `${keys.slice(0, 3).join(', ')}, …` : keys.join(', ');
  return `${keys.length} ${keys.length === 1 ? 'tensor' : 'tensors'} (${names})`;
}

export function untrainedWarning(stage: string, keys: readonly string[]): string {
  return (
    `warning: ${stage} uses ${tensorsText(keys)} as initialised: ` +
    'the stage does not train them, and they were neither loaded nor trained before'
  );
}
