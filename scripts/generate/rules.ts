/** The parser's rules in the order in which a reader meets them: from `file` down, each where it is first used. */
import { NonTerminal, Rule } from 'chevrotain';
import { parser } from '../../grammar/parser.ts';

export function rulesInOrder(): readonly Rule[] {
  const rules = parser.getGAstProductions();
  const found = new Set<Rule>();
  const visit = (production: object): void => {
    const rule = production instanceof NonTerminal ? rules[production.nonTerminalName]! : production;
    if (rule instanceof Rule) {
      if (found.has(rule)) return;
      found.add(rule);
    }
    if ('definition' in rule) for (const part of rule.definition as readonly object[]) visit(part);
  };
  visit(rules.file!);
  return [...found];
}
