/** Options of the command line: how their values are read, and that none is given twice or in vain. */
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { cliError } from '../workbench/errors.ts';

export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** What is written in decimal, `1e-3` too; NaN for anything else, such as `0x10`. */
const decimal = (text: string): number =>
  /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;

const atLeast = (least: number, expected: string) => (text: string) => {
  const value = decimal(text);
  if (!Number.isSafeInteger(value) || value < least) throw new InvalidArgumentError(`${expected} was expected`);
  return value;
};
export const integer = atLeast(0, 'an integer of at least 0');
export const positive = atLeast(1, 'an integer above 0');

export function number(text: string): number {
  const value = decimal(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('a number was expected');
  return value;
}

/** `8GB` → 8e9, `512MB`, `1000` */
export function bytes(text: string): number {
  const [, count, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)?\s*$/i.exec(text) ?? [];
  const value = Math.floor(
    Number(count) * 1000 ** Math.max(0, ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(unit.toUpperCase())),
  );
  if (count === undefined || !Number.isSafeInteger(value) || value === 0)
    throw new InvalidArgumentError('bytes were expected, such as 8GB or 512MB');
  return value;
}

/** A part of a whole. */
export function fraction(text: string): number {
  const value = decimal(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('a number above 0 and below 1 was expected');
  return value;
}

/** A learning rate. */
export function rate(text: string): number {
  const value = decimal(text);
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new InvalidArgumentError('a number of at least 0 was expected');
  return value;
}

/** `--keep` → `--out`: options that mean nothing unless another is given too. */
export type Needs = Readonly<Record<string, string>>;

const needed = new WeakMap<Command, Needs>();
const repeated = new WeakMap<Command, Option>();

export function withNeeds(command: Command, needs: Needs): Command {
  needed.set(command, needs);
  return command;
}

/** Notices values that take the place of one that was given before. Call it once all commands are there. */
export function watchRepeats(command: Command): void {
  for (const option of command.options) {
    if ((!option.required && !option.optional) || option.parseArg === collect) continue;
    let given = false;
    command.on(`option:${option.name()}`, () => {
      if (given && !repeated.has(command)) repeated.set(command, option);
      given = true;
    });
  }
  for (const inner of command.commands) watchRepeats(inner);
}

const whole = (text: string): string => text;
const beforeEquals = (text: string): string => text.slice(0, Math.max(text.indexOf('='), 0));

/** Repeatable options (of a command) whose values name something, each of which is named once; empty: no name. */
const ONCE_EACH: Readonly<Record<string, (value: string) => string>> = {
  '--set': beforeEquals,
  '--to-set': beforeEquals,
  '--dim': beforeEquals,
  'import --input': beforeEquals, // of `run` it may have several rows
  '--entry': whole,
  '--tap': whole,
};

/** Names that options had, and what to give in their place. */
const RENAMED: Readonly<Record<string, string>> = { '--skip-bad-images': '--on-bad-row skip' };

/** @throws CliError C0425 for a former name, C0311 for an option or setting given twice, C0208 for one that has no effect */
export function checkGiven(command: Command): void {
  const twice = repeated.get(command);
  if (twice?.long) throw cliError('option_twice', { option: twice.long });
  for (const option of command.options) {
    const nameOf = ONCE_EACH[`${option.long}`] ?? ONCE_EACH[`${command.name()} ${option.long}`];
    if (nameOf === undefined || option.parseArg !== collect) continue;
    const names = ((command.getOptionValue(option.attributeName()) ?? []) as readonly string[]).map(nameOf);
    const again = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
    if (again !== undefined) throw cliError('option_twice', { option: `${option.long} ${again}` });
  }
  const isGiven = (flag: string): boolean => {
    const option = command.options.find(({ long }) => long === flag);
    return option !== undefined && command.getOptionValueSource(option.attributeName()) === 'cli';
  };
  for (const [option, now] of Object.entries(RENAMED))
    if (isGiven(option)) throw cliError('option_renamed', { option, now });
  for (const [option, without] of Object.entries(needed.get(command) ?? {}))
    if (isGiven(option) && !isGiven(without)) throw cliError('option_without', { option, without });
  const { backend, opset } = command.opts<{ backend?: string; opset?: string }>();
  // 17, the default, says nothing: programs give it with every backend
  if (backend !== undefined && backend !== 'onnx' && isGiven('--opset') && opset !== '17')
    throw cliError('option_without', { option: '--opset', without: '--backend onnx' });
}
