/** The command that writes the same folder again, without where from and where to. */
import type { CompileOptions } from './options.ts';

export function commandOf(file: string, options: CompileOptions): string {
  const words = ['mdl compile', quoted(file)];
  const add = (option: string, value: string | undefined): void => {
    if (value !== undefined) words.push(option, quoted(value));
  };
  add('--config', options.config);
  add('--config-file', options.configFile);
  for (const set of options.set ?? []) add('--set', set);
  for (const rule of options.quantise ?? []) add('--quantise', rule);
  if (options.mergeLora) words.push('--merge-lora');
  add('--calibrate', options.calibrate);
  add('--calibrate-batches', options.calibrateBatches === undefined ? undefined : String(options.calibrateBatches));
  for (const entry of options.entry) add('--entry', entry);
  add('--init', options.init === undefined ? undefined : String(options.init));
  words.push(`--target ${options.target}`);
  add('--weights-dtype', options.weightsDtype);
  add('--cache-dtype', options.cacheDtype);
  if (options.swapAdapters) words.push('--swap-adapters');
  add('--stage', options.stage);
  return words.join(' ');
}

/** As a shell takes it, where that is needed. */
function quoted(word: string): string {
  return /^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
