/**
 * Every message of the compiler: its code, its text (messages/), and what `mdl explain` says about it (explanations/).
 *
 * Codes: E00xx reading and syntax, E01xx imports and names, E02xx compile-time values and configuration,
 * E03xx tensors and shapes, E04xx modules, parameters and adapters, E05xx stages, W… warnings. A code is never
 * reused. `example` is a complete file that provokes the code; a test compiles every one of them.
 */
import type { Diagnostic, Label, Suggestion } from './diagnostic.ts';
import { EXPLANATIONS } from './explanations.ts';
import type { Message } from './message.ts';
import { GRADIENT_MESSAGES } from './messages/gradients.ts';
import { LAYOUT_MESSAGES } from './messages/layouts.ts';
import { MODULE_MESSAGES } from './messages/modules.ts';
import { NAMES_MESSAGES } from './messages/names.ts';
import { QUANTISE_MESSAGES } from './messages/quantise.ts';
import { RECIPE_MESSAGES } from './messages/recipes.ts';
import { STAGE_MESSAGES } from './messages/stages.ts';
import { SYNTAX_MESSAGES } from './messages/syntax.ts';
import { TENSOR_MESSAGES } from './messages/tensors.ts';
import { VALUES_MESSAGES } from './messages/values.ts';
import type { Span } from './span.ts';

export const MESSAGES = {
  ...SYNTAX_MESSAGES,
  ...NAMES_MESSAGES,
  ...VALUES_MESSAGES,
  ...RECIPE_MESSAGES,
  ...LAYOUT_MESSAGES,
  ...QUANTISE_MESSAGES,
  ...TENSOR_MESSAGES,
  ...MODULE_MESSAGES,
  ...GRADIENT_MESSAGES,
  ...STAGE_MESSAGES,
} as const;

export type MessageName = keyof typeof MESSAGES;
type ArgumentsOf<K extends MessageName> = (typeof MESSAGES)[K] extends Message<infer A> ? A : never;

export interface DiagnosticExtras {
  /** text at the primary place */
  readonly label?: string;
  readonly secondary?: readonly Label[];
  readonly notes?: readonly string[];
  readonly suggestions?: readonly Suggestion[];
  readonly context?: string | undefined;
}

/** Makes the diagnostic `name` at a place. */
export function diagnose<K extends MessageName>(
  name: K,
  args: ArgumentsOf<K>,
  at: Span,
  extras: DiagnosticExtras = {},
): Diagnostic {
  const entry = MESSAGES[name] as unknown as Message<ArgumentsOf<K>>;
  return {
    code: entry.code,
    severity: entry.code.startsWith('W') ? 'warning' : 'error',
    message: entry.text(args),
    primary: { span: at, message: extras.label ?? '' },
    secondary: extras.secondary ?? [],
    notes: extras.notes ?? [],
    suggestions: extras.suggestions ?? [],
    ...(extras.context === undefined ? {} : { context: extras.context }),
  };
}

export interface CatalogueEntry {
  readonly code: string;
  readonly title: string;
  readonly explanation: string;
  /** a complete file that provokes the code, where one file can */
  readonly example: string | undefined;
}

/** The catalogue by code: what `mdl explain` and docs/diagnostics.md print. */
export const CATALOGUE: Readonly<Record<string, CatalogueEntry>> = Object.fromEntries(
  (Object.keys(MESSAGES) as MessageName[]).map((name) => {
    const { code, title } = MESSAGES[name];
    return [
      code,
      {
        code,
        title,
        explanation: EXPLANATIONS[name].text,
        example: (EXPLANATIONS[name] as { example?: string }).example,
      },
    ];
  }),
);
