/** What a folder of transformers says in place of options that are not given: its weights, and how it generates. */
import type { Command } from 'commander';
import { generationDefaults } from './generation.ts';
import { isModelFolder } from './program.ts';

/** Options by the names of `GenerateOptions`. */
const OPTIONS = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  repetition_penalty: 'repetitionPenalty',
  num_beams: 'numBeams',
} as const;

/** @throws CliError C0466 for a generation_config.json that cannot be honoured */
export function fromFolder(command: Command, file: string): void {
  if (!isModelFolder(file)) return;
  const has = (name: string): boolean => command.options.some((option) => option.attributeName() === name);
  const isGiven = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  if (has('weights') && has('init') && !isGiven('weights') && !isGiven('init'))
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
