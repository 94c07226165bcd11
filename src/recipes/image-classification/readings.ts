/** Classes by name, where an output has a number for each. */
import type { SettingValues } from '../../shared/recipe.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { type Reading, settingsOf } from '../recipe.ts';
import { IMAGE_CLASSIFICATION, SETTINGS } from './declaration.ts';

/** Classes that are told of a row. */
const TOLD = 3;

/** Of outputs f32 [N, classes], as many as `class_names` has. @throws RuntimeError R1120, R1121 */
export function readings(outputs: Readonly<Record<string, HostTensor>>, settings: SettingValues): readonly Reading[] {
  const { class_names: names } = settingsOf(IMAGE_CLASSIFICATION, SETTINGS, settings);
  if (!names) return [];
  const read = Object.entries(outputs).filter(
    ([, { dtype, shape }]) => dtype === 'f32' && shape.length === 2 && shape[1] === names.length,
  );
  return read.flatMap(([output, { shape, data }]) =>
    Array.from({ length: shape[0]! }, (_, row): Reading => {
      const classes = names.map((name, c) => ({ name, value: Number(data[row * names.length + c]) }));
      return { output, row, classes: classes.sort((a, b) => b.value - a.value).slice(0, TOLD) };
    }),
  );
}
