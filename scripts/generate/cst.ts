/** Types of the concrete syntax tree, from Chevrotain's own description of the parser. */
import { generateCstDts } from 'chevrotain';
import { banner, type Generator } from './files.ts';

export const cst: Generator = {
  name: 'cst types',
  inputs: ['grammar/parser.ts'],
  async generate() {
    const { parser } = await import('../../grammar/parser.ts');
    const types = generateCstDts(parser.getGAstProductions());
    return [{ path: 'grammar/cst.generated.ts', text: banner('grammar/parser.ts') + types }];
  },
};
