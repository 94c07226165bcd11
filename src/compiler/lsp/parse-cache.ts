/** Files that were parsed before: a file whose text did not change keeps its tree and what was found in it. */
import { type Diagnostic, DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { SourceFile } from '../diagnostics/span.ts';
import type { FileSyntax } from '../syntax/ast.ts';
import { parseFile } from '../syntax/parse.ts';

interface Parsed {
  readonly source: SourceFile;
  readonly syntax: FileSyntax | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export class ParseCache {
  /** the latest text of each path */
  private readonly parsed = new Map<string, Parsed>();
  /** files parsed so far */
  count = 0;

  readonly parse = (source: SourceFile, bag: DiagnosticBag): FileSyntax | undefined => {
    const known = this.parsed.get(source.path);
    const parsed = known?.source.text === source.text ? known : this.fresh(source);
    for (const diagnostic of parsed.diagnostics) bag.add(diagnostic);
    return parsed.syntax;
  };

  private fresh(source: SourceFile): Parsed {
    this.count++;
    const bag = new DiagnosticBag();
    const syntax = parseFile(source, bag);
    const parsed = { source, syntax, diagnostics: bag.sorted() };
    this.parsed.set(source.path, parsed);
    return parsed;
  }
}
