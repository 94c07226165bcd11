/** What the settings say of pictures, as the decoder and the data sets take it. */
import type { Rgb } from '../../runtime/image/rgb.ts';
import type { ImageSettings } from '../../runtime/image/settings.ts';
import type { ValuesOf } from '../../shared/recipe.ts';
import type { SETTINGS } from './declaration.ts';

/** Photographs are turned upright unless the model says that it saw them as they were stored. */
export function imageOptions(settings: ValuesOf<typeof SETTINGS>): ImageSettings {
  const { mean, std, background, exif_orientation = true } = settings;
  const rgb = (value: readonly number[]): Rgb => value as unknown as Rgb;
  return {
    ...(mean ? { mean: rgb(mean) } : {}),
    ...(std ? { std: rgb(std) } : {}),
    ...(background ? { background: rgb(background) } : {}),
    exif_orientation,
  };
}
