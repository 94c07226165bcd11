/**
 * How trained weights are asked: the template and the end of the last stage are stored with them and become the config's
 * `prompt`, so that `generate`, a compiled folder and a page stop where the training data stopped.
 */
import { hasOwnWording, OWN_TEMPLATE } from '../../../runtime/data/index.ts';
import { openCheckpoint } from '../../../runtime/index.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { type SettingsOptions, type WeightsOptions, weightsText } from '../model.ts';
import type { Output } from '../output.ts';
import { Config } from './config.ts';

const FIELDS = ['template', 'end'] as const;

const metadataKey = (field: string): string => `mdl.prompt.${field}`;

/**
 * What is stored with weights that a stage has trained; nothing for a model whose config has no `prompt`.
 * @param data the name of the data that it was trained on
 */
export function promptMetadata(model: Model, { options }: Stage, data: string): Readonly<Record<string, string>> {
  const config = new Config(model);
  const said = FIELDS.flatMap((field) => {
    const own = config.text(`prompt.${field}`);
    const ofData = field === 'template' && hasOwnWording(data) ? OWN_TEMPLATE : undefined;
    const value = options[field] ?? ofData ?? own;
    return own !== undefined && typeof value === 'string' ? [[metadataKey(field), value] as const] : [];
  });
  return Object.fromEntries(said);
}

/** Options with the prompt that the weights were trained with, unless `--set` gives another. */
export async function withTrainedPrompt<T extends SettingsOptions & WeightsOptions>(
  options: T,
  output: Output,
): Promise<T> {
  const stored = options.weights === undefined ? new Map<string, string>() : await storedPrompt(options.weights);
  const given = options.set ?? [];
  const set = [...stored].filter(([field]) => !given.some((text) => text.startsWith(`prompt.${field}=`)));
  if (set.length === 0) return options;
  const texts = set.map(([field, value]) => `${field} ${JSON.stringify(value)}`);
  output.note(`prompts with ${texts.join(', ')}, as ${weightsText(options.weights ?? [])} was trained`);
  return { ...options, set: [...set.map(([field, value]) => `prompt.${field}=${JSON.stringify(value)}`), ...given] };
}

/** A file that cannot be read says so where its weights are. */
async function storedPrompt(file: string | readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  try {
    const checkpoint = await openCheckpoint(file);
    for (const { metadata } of checkpoint.files) {
      for (const field of FIELDS) {
        const value = metadata.get(metadataKey(field));
        if (value !== undefined) found.set(field, value);
      }
    }
    await checkpoint.close();
  } catch {} // reported when the weights are opened
  return found;
}
