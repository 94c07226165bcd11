/** Imports and names: E01xx, W01xx. */
import { message, type Named } from '../message.ts';

export const NAMES_MESSAGES = {
  import_outside: message<{ path: string }>(
    'E0101',
    'import outside the project',
    (a) => `${JSON.stringify(a.path)} leads outside the project`,
  ),
  import_form: message<{ path: string }>(
    'E0102',
    'unknown import',
    (a) => `${JSON.stringify(a.path)} is neither "std" nor a relative path that ends in .mdl`,
  ),
  import_cycle: message<{ cycle: string }>(
    'E0103',
    'import cycle',
    (a) => `files import each other in a circle: ${a.cycle}`,
  ),
  import_missing: message<{ name: string; file: string }>(
    'E0104',
    'missing import',
    (a) => `${a.file} declares no ${a.name}`,
  ),
  unknown_name: message<Named>('E0105', 'unknown name', (a) => `${a.name} is not declared here`),
  duplicate_name: message<Named>('E0106', 'duplicate name', (a) => `${a.name} is declared twice`),
  not_usable_here: message<{ name: string; what: string; use: string }>(
    'E0107',
    'name of another kind',
    (a) => `${a.name} is ${a.what} and cannot be ${a.use}`,
  ),
  unused_import: message<Named>('W0101', 'unused import', (a) => `${a.name} is imported and never used`),
  no_entries: message<Named>(
    'W0102',
    'model without an entry',
    (a) => `${a.name} has no entry, so nothing of it is compiled`,
  ),
  nothing_to_merge: message<Named>(
    'W0103',
    'no adapter to merge',
    (a) => `adapters are to be merged, and ${a.name} has none under these settings`,
  ),
  keeps_nothing: message<{ pattern: string; stage: string }>(
    'W0104',
    'pattern without effect',
    (a) => `no_decay ${a.pattern} keeps nothing from decay: ${a.stage} trains none of what it matches`,
  ),
  no_model: message<object>('E0108', 'no model', () => 'this file declares no model'),
  several_models: message<object>(
    'E0109',
    'several models',
    () => 'a file compiles one model and this one declares another',
  ),
  flag_or_field: message<{ name: string; record: string }>(
    'E0111',
    'flag or field',
    (a) => `${a.name} is a flag and a field of the config record ${a.record}, and could mean either here`,
  ),
  unused_value: message<object>('E0110', 'unused value', () => 'this value is computed and thrown away'),
} as const;
