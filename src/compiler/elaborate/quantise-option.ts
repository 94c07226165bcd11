/** `--quantise 'PATTERN as int4(group = 32)'`: a declaration as a model file has it, with numbers and words alone. */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import { createSource } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import { parseFile } from '../syntax/parse.ts';

const LITERALS: ReadonlySet<string> = new Set(['int', 'bool', 'string']);

/** What is wrong with a text goes into the bag. */
export function quantiseOptions(texts: readonly string[], bag: DiagnosticBag): readonly ast.QuantiseDeclaration[] {
  return texts.flatMap((text) => {
    const source = createSource('command line', `quantise ${text}`);
    const declarations = parseFile(source, bag)?.declarations;
    if (declarations === undefined) return [];
    const [only] = declarations;
    const plain = (argument: ast.Argument): boolean => LITERALS.has(argument.value.kind);
    if (declarations.length === 1 && only?.kind === 'quantise' && !only.when && only.arguments.every(plain))
      return only;
    const span = { source, start: 'quantise '.length, end: source.text.length };
    bag.add(diagnose('quantise_command_line', { text }, span));
    return [];
  });
}
