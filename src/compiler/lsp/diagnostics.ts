/** Diagnostics and their fixes as the protocol has them. */
import {
  type CodeAction,
  CodeActionKind,
  DiagnosticSeverity,
  type Diagnostic as LspDiagnostic,
  type Range,
} from 'vscode-languageserver';
import { rangeOf } from './places.ts';
import type { Found } from './session.ts';
import type { Place } from './workspace.ts';

type UriOf = (place: Place) => string;

export function diagnosticOf({ diagnostic, root }: Found, uriOf: UriOf): LspDiagnostic {
  const { code, severity, message, primary, secondary, notes } = diagnostic;
  const lines = [
    message,
    ...(primary.message === '' ? [] : [primary.message]),
    ...notes.map((note) => `note: ${note}`),
  ];
  return {
    range: rangeOf(primary.span),
    severity: severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code,
    source: 'mdl',
    message: lines.join('\n'),
    relatedInformation: secondary.map((label) => ({
      location: { uri: uriOf({ root, path: label.span.source.path }), range: rangeOf(label.span) },
      message: label.message,
    })),
  };
}

/** The fixes of what was found in a range of a file. */
export function codeActions(uri: string, range: Range, found: readonly Found[], uriOf: UriOf): CodeAction[] {
  return found.flatMap((one) => {
    const diagnostic = diagnosticOf(one, uriOf);
    if (!overlap(diagnostic.range, range)) return [];
    return one.diagnostic.suggestions.map((suggestion): CodeAction => {
      const place = uriOf({ root: one.root, path: suggestion.span.source.path });
      return {
        title: suggestion.message.replaceAll('`', ''),
        kind: CodeActionKind.QuickFix,
        diagnostics: [diagnostic],
        isPreferred: one.diagnostic.suggestions.length === 1 && place === uri,
        edit: { changes: { [place]: [{ range: rangeOf(suggestion.span), newText: suggestion.replacement }] } },
      };
    });
  });
}

function overlap(a: Range, b: Range): boolean {
  const before = (x: Range['end'], y: Range['start']): boolean =>
    x.line < y.line || (x.line === y.line && x.character < y.character);
  return !before(a.end, b.start) && !before(b.end, a.start);
}
