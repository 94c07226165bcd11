/** docs/grammar.md (EBNF of every rule, its diagram, the tokens) and docs/grammar/<rule>.svg, from the parser itself. */
import { type ISerializedGast, serializeGrammar } from 'chevrotain';
import type { GeneratedFile, Generator } from './files.ts';
import { box, choice, optional, type Railroad, renderSvg, repeat, sequence } from './railroad.ts';

const FOLDER = 'docs/grammar';

/** The shapes that Chevrotain serialises a grammar to. */
type Production =
  | { readonly type: 'NonTerminal'; readonly name: string }
  | { readonly type: 'Terminal'; readonly name: string; readonly label: string; readonly pattern?: string }
  | {
      readonly type: 'Alternative' | 'Alternation' | 'Option' | 'Repetition' | 'RepetitionMandatory';
      readonly definition: readonly Production[];
    }
  | {
      readonly type: 'RepetitionWithSeparator' | 'RepetitionMandatoryWithSeparator';
      readonly definition: readonly Production[];
      readonly separator: Production;
    };

export interface GrammarRule {
  readonly type: 'Rule';
  readonly name: string;
  readonly definition: readonly Production[];
}

/** `'let'` for a word or sign, `Identifier` for a class of tokens. */
function tokenLabel(token: { readonly name: string; readonly label: string }): string {
  return token.label.startsWith("'") ? token.label : token.name;
}

const isOne = (text: string): boolean => !/[ |]/.test(text.replaceAll(/'[^']*'/g, 'x'));
const group = (text: string): string => (isOne(text) ? text : `( ${text} )`);

function sequenceEbnf(items: readonly Production[]): string {
  // an alternation binds looser than a sequence
  return items
    .map((item) => (item.type === 'Alternation' && items.length > 1 ? group(ebnf(item)) : ebnf(item)))
    .join(' ');
}

/** EBNF as in the W3C's XML specification: `?`, `*`, `+`, `|`, tokens in quotes. */
export function ebnf(production: Production): string {
  switch (production.type) {
    case 'NonTerminal':
      return production.name;
    case 'Terminal':
      return tokenLabel(production);
    case 'Alternative':
      return sequenceEbnf(production.definition);
    case 'Alternation':
      return production.definition.map(ebnf).join(' | ');
    case 'Option':
      return `${group(sequenceEbnf(production.definition))}?`;
    case 'Repetition':
      return `${group(sequenceEbnf(production.definition))}*`;
    case 'RepetitionMandatory':
      return `${group(sequenceEbnf(production.definition))}+`;
    case 'RepetitionWithSeparator':
      return `( ${separatedEbnf(production)} )?`;
    case 'RepetitionMandatoryWithSeparator':
      return separatedEbnf(production);
    default:
      return production satisfies never;
  }
}

function separatedEbnf({
  definition,
  separator,
}: {
  definition: readonly Production[];
  separator: Production;
}): string {
  const item = sequenceEbnf(definition);
  return `${definition.length > 1 ? item : group(item)} ( ${ebnf(separator)} ${item} )*`;
}

function diagram(production: Production): Railroad {
  switch (production.type) {
    case 'NonTerminal':
      return box(production.name, 'rule');
    case 'Terminal':
      return box(tokenLabel(production), 'token');
    case 'Alternative':
      return sequence(production.definition.map(diagram));
    case 'Alternation':
      return choice(production.definition.map(diagram));
    case 'Option':
      return optional(sequence(production.definition.map(diagram)));
    case 'Repetition':
      return optional(repeat(sequence(production.definition.map(diagram))));
    case 'RepetitionMandatory':
      return repeat(sequence(production.definition.map(diagram)));
    case 'RepetitionWithSeparator':
      return optional(repeat(sequence(production.definition.map(diagram)), diagram(production.separator)));
    case 'RepetitionMandatoryWithSeparator':
      return repeat(sequence(production.definition.map(diagram)), diagram(production.separator));
    default:
      return production satisfies never;
  }
}

/** Token classes (those without a fixed text) that the rules use, with their patterns, by name. */
function tokenClasses(rules: readonly GrammarRule[]): readonly (readonly [string, string])[] {
  const found = new Map<string, string>();
  const visit = (production: Production): void => {
    if (production.type === 'Terminal') {
      if (production.name !== 'EOF' && !production.label.startsWith("'") && production.pattern !== undefined)
        found.set(production.name, production.pattern);
      return;
    }
    if ('definition' in production) production.definition.forEach(visit);
    if ('separator' in production) visit(production.separator);
  };
  for (const rule of rules) rule.definition.forEach(visit);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function grammarFiles(rules: readonly GrammarRule[]): readonly GeneratedFile[] {
  const svgs = rules.map(({ name, definition }) => ({
    path: `${FOLDER}/${name}.svg`,
    text: renderSvg(name, sequence(definition.map(diagram))),
  }));
  const sections = rules.map(
    ({ name, definition }) =>
      `## ${name}\n\n![railroad diagram of ${name}](grammar/${name}.svg)\n\n\`\`\`ebnf\n${name} ::= ${sequenceEbnf(definition)}\n\`\`\`\n`,
  );
  const tokens = tokenClasses(rules).map(([name, pattern]) => `${name} ::= /${pattern}/\n`);
  const text = [
    '<!-- generated from grammar/parser.ts by scripts/generate.ts; do not edit, run `npm run generate` -->\n# The grammar of MDL\n',
    'Every rule of the parser, as a railroad diagram and as EBNF: `?` at most once, `*` any number of times, `+` at least\nonce, `|` or; words and signs stand in quotes, rounded in the diagrams.\n',
    ...sections,
    `## Tokens\n\nSpaces, line ends and comments (\`// …\`, \`/* … */\`) separate tokens. Classes of tokens, as regular expressions:\n\n\`\`\`\n${tokens.join('')}\`\`\`\n`,
  ].join('\n');
  return [{ path: 'docs/grammar.md', text }, ...svgs];
}

export const grammar: Generator = {
  name: 'grammar',
  inputs: ['grammar/parser.ts'],
  folder: FOLDER,
  async generate() {
    const { rulesInOrder } = await import('./rules.ts');
    const serialised: readonly ISerializedGast[] = serializeGrammar([...rulesInOrder()]);
    // Chevrotain types these as their common base; `type` tells them apart
    return grammarFiles(serialised as unknown as readonly GrammarRule[]);
  },
};
