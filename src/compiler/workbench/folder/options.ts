/** What a folder of transformers, and what was compiled of it, says in place of options that are not given: its weights, and how it generates. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
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
  if (!isModelFolder(file) && !compiled) return;
  const isGiven = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  if (!compiled && has('weights') && has('init') && !isGiven('weights') && !isGiven('init'))
    command.setOptionValue('weights', [file]);
  if (!has('temperature')) return;
  const { stop_tokens, do_sample, ...defaults } = generationDefaults(file);
  command.setOptionValue('stopTokens', stop_tokens);
  // what is asked for decides between sampling and search
  const samples = do_sample === true && !isGiven('temperature') && !isGiven('numBeams');
  if (samples) command.setOptionValue('temperature', defaults.temperature ?? 1);
  for (const [name, option] of Object.entries(OPTIONS) as [keyof typeof OPTIONS, string][]) {
    const ofSampling = name === 'temperature' || name === 'top_k' || name === 'top_p';
    if (defaults[name] === undefined || isGiven(option) || (ofSampling ? !samples : samples && name === 'num_beams'))
      continue;
    command.setOptionValue(option, defaults[name]);
  }
}
