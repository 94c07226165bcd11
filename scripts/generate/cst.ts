/** Types of the concrete syntax tree, from Chevrotain's own description of the parser. */
import { generateCstDts } from 'chevrotain';
import { banner, type Generator } from './files.ts';

export const cst: Generator = {
  name: 'cst types',
  inputs: ['grammar/parser.ts'],
  async generate() {
    const { rulesInOrder } = await import('./rules.ts');
    const types = generateCstDts(Object.fromEntries(rulesInOrder().map((rule) => [rule.name, rule])));
    return [{ path: 'grammar/cst.generated.ts', text: banner('grammar/parser.ts') + types }];
  },
};
