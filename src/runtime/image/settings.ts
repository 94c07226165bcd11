/**
 * How a model wants its pictures: the record `image { … }` of its config, which travels with the compiled model. Every door
 * reads it here: `ask()` and with it `mdl generate` and pages, data sets for training and evaluation.
 */
import type { ConfigValue } from '../../shared/artifact.ts';
import { nearest } from '../../shared/nearest.ts';
import { runtimeError } from '../errors.ts';
import { type DecodeOptions, isColour, isTriple } from './options.ts';
import type { Rgb } from './rgb.ts';

export interface ImageSettings extends Pick<DecodeOptions, 'background' | 'exif_orientation'> {
  /** per channel, of the pixels scaled to 0 … 1; CLIP's when absent */
  readonly mean?: Rgb;
  readonly std?: Rgb;
}

/** What a field must be; `none` in a config is null. */
const FIELDS: {
  readonly [N in keyof ImageSettings]-?: { readonly is: (value: ConfigValue) => boolean; readonly expected: string };
} = {
  mean: { is: (value) => isTriple(value, () => true), expected: 'three numbers' },
  std: { is: (value) => isTriple(value, (x) => x > 0), expected: 'three numbers above 0' },
  background: { is: isColour, expected: 'three integers from 0 to 255, or none' },
  exif_orientation: { is: (value) => typeof value === 'boolean', expected: 'true or false' },
};

/** Photographs are turned upright unless the config says that the model saw them as they were stored. @throws RuntimeError R0406, R0411 */
export function imageSettings(config: { readonly [name: string]: ConfigValue | undefined }): ImageSettings {
  const record = Object.hasOwn(config, 'image') ? config.image : undefined;
  const settings: { -readonly [N in keyof ImageSettings]: ConfigValue } = {};
  if (typeof record === 'object' && record !== null && !Array.isArray(record)) {
    const names = Object.keys(FIELDS);
    for (const name of Object.keys(record)) {
      const near = names.includes(name) ? undefined : nearest(name, names);
      if (near !== undefined) throw runtimeError('image_config_typo', { name, near });
    }
    for (const name of names as (keyof ImageSettings)[]) {
      const value = Object.hasOwn(record, name)
        ? (record as { readonly [name: string]: ConfigValue })[name]
        : undefined;
      if (value === undefined || value === null) continue;
      const { is, expected } = FIELDS[name];
      if (!is(value)) throw runtimeError('image_config', { name, value: JSON.stringify(value), expected });
      settings[name] = value;
    }
  }
  return { exif_orientation: true, ...(settings as ImageSettings) };
}
