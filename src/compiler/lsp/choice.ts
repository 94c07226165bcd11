/** Which config, flags and values an editor chose. What comes from outside is checked, and what is no choice is said. */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { createSource } from '../diagnostics/span.ts';

export interface Choice {
  readonly config?: string | undefined;
  /** `qk_norm` → `false`, `phi.num_layers` → `2`: as after `--set` */
  readonly set?: Readonly<Record<string, string | number | boolean>> | undefined;
}

export interface Chosen {
  readonly choice: Choice;
  /** E0280 for each part that has another form; it is left out */
  readonly refused: readonly Diagnostic[];
}

export function choiceOf(given: unknown): Chosen {
  const refused: Diagnostic[] = [];
  const source = createSource('editor settings', JSON.stringify(given) ?? '');
  const refuse = (name: string, value: unknown, expected: string): void => {
    const found = JSON.stringify(value) ?? 'undefined';
    refused.push(diagnose('editor_setting', { name, found, expected }, { source, start: 0, end: source.text.length }));
  };
  const parts = objectOf(given);
  if (!parts) {
    if (given !== undefined && given !== null) refuse('mdl', given, 'an object with config and set');
    return { choice: {}, refused };
  }
  const { config, set, ...others } = parts;
  for (const [name, value] of Object.entries(others)) refuse(`mdl.${name}`, value, 'only config and set');
  const named = typeof config === 'string' && config !== '';
  // an editor gives what nobody chose as null or as an empty text
  if (!named && config !== undefined && config !== null && config !== '')
    refuse('mdl.config', config, 'the name of a config');
  const values = objectOf(set);
  if (!values && set !== undefined && set !== null) refuse('mdl.set', set, 'an object of flags and values');
  const chosen: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(values ?? {})) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') chosen[name] = value;
    else refuse(`mdl.set.${name}`, value, 'true, false, a number or a text');
  }
  return { choice: { ...(named ? { config } : {}), set: chosen }, refused };
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
