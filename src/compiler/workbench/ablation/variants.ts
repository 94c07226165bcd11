/** What an ablation compares: the model as it is set, and the model with one flag turned, for each flag named. */
import { nearest } from '../../../shared/nearest.ts';
import { cliError } from '../errors.ts';

export interface Variant {
  /** names its folder: `full`, `no-lora` */
  readonly id: string;
  /** names its rows: `full`, `no lora` */
  readonly label: string;
  /** the flag that is turned; undefined for the full model */
  readonly flag: string | undefined;
  /** what it adds to `--set` */
  readonly set: readonly string[];
}

export const FULL: Variant = { id: 'full', label: 'full', flag: undefined, set: [] };

/**
 * `lora,qk_norm` → full, no lora, no qk_norm. A flag that is off already is turned on instead: `with lora`.
 * @param flags of the model as it is set
 * @throws CliError C0301, C0103
 */
export function variantsOf(flags: ReadonlyMap<string, boolean>, text: string): Variant[] {
  const names = [
    ...new Set(
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    ),
  ];
  if (names.length === 0)
    throw cliError('option_value', { option: '--flags', text, expected: 'a list of flags (a,b,c)' });
  return [
    FULL,
    ...names.map((flag): Variant => {
      const on = flags.get(flag);
      if (on === undefined) {
        const known = [...flags.keys()];
        throw cliError('unknown_flag', { flag, known, near: nearest(flag, known) });
      }
      const word = on ? 'no' : 'with';
      return { id: `${word}-${flag}`, label: `${word} ${flag}`, flag, set: [`${flag}=${!on}`] };
    }),
  ];
}
