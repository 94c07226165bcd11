/** What a folder of transformers, what was compiled of it, and a recipe say in place of options that are not given: weights, and how tokens are chosen. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { GenerateOptions } from '../../../runtime/index.ts';
import { GENERATION, generationDefaults } from './generation.ts';
import { isModelFolder } from './program.ts';

/** Options by the names of `GenerateOptions`. */
const OPTIONS = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  repetition_penalty: 'repetitionPenalty',
  num_beams: 'numBeams',
} as const;

/** A compiled folder that says how it generates. */
const isCompiledWithSettings = (path: string): boolean =>
  existsSync(join(path, 'manifest.json')) && existsSync(join(path, GENERATION));

/** @throws CliError C0466 for a generation_config.json that cannot be honoured */
export function fromFolder(command: Command, file: string): void {
  const has = (name: string): boolean => command.options.some((option) => option.attributeName() === name);
  const compiled = has('temperature') && isCompiledWithSettings(file);
  const isGiven = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  if (has('temperature')) command.setOptionValue('given', Object.keys(command.opts()).filter(isGiven));
  if (!isModelFolder(file) && !compiled) return;
  if (!compiled && has('weights') && has('init') && !isGiven('weights') && !isGiven('init'))
    command.setOptionValue('weights', [file]);
  if (!has('temperature')) return;
  for (const [name, value] of Object.entries(generationOptions(generationDefaults(file), isGiven)))
    command.setOptionValue(name, value);
}

/** Options of `mdl generate` that are not given, where a model says how tokens are chosen. */
export function generationOptions(
  { stop_tokens, do_sample, ...defaults }: GenerateOptions,
  isGiven: (option: string) => boolean,
): Readonly<Record<string, unknown>> {
  const set: Record<string, unknown> = stop_tokens === undefined ? {} : { stopTokens: stop_tokens };
  // what is asked for decides between sampling and search
  const samples = do_sample === true && !isGiven('temperature') && !isGiven('numBeams');
  if (samples) set.temperature = defaults.temperature ?? 1;
  for (const [name, option] of Object.entries(OPTIONS) as [keyof typeof OPTIONS, string][]) {
    const ofSampling = name === 'temperature' || name === 'top_k' || name === 'top_p';
    if (
      defaults[name] === undefined ||
      isGiven(option) ||
      (ofSampling ? !samples : name === 'num_beams' && (samples || isGiven('temperature')))
    )
      continue;
    set[option] = defaults[name];
  }
  return set;
}
