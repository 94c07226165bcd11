/** Whatever is typed, and whatever is asked meanwhile, is answered: no request fails, and the end is what a fresh start finds. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { complete } from '../../src/compiler/lsp/complete.ts';
import { hover } from '../../src/compiler/lsp/hover.ts';
import { inlayHints } from '../../src/compiler/lsp/inlay.ts';
import { definition, references, rename, renameable } from '../../src/compiler/lsp/navigate.ts';
import { semanticTokens } from '../../src/compiler/lsp/semantic.ts';
import { Session } from '../../src/compiler/lsp/session.ts';
import { signatureHelp } from '../../src/compiler/lsp/signature.ts';
import { documentSymbols, foldingRanges } from '../../src/compiler/lsp/symbols.ts';
import { mutate, mutation, place } from '../diagnostics/mutations.ts';
import { repository } from '../support/project.ts';
import { FOLDER, uriOf } from './client.ts';

const MODEL = 'examples/gpt.mdl';
const TEXT = repository.read(MODEL)!;

function session(): Session {
  const made = new Session({ read: (uri) => repository.read(uri.slice(FOLDER.length)) });
  made.workspace.addFolder(FOLDER);
  return made;
}

/** Everything that can be asked about a place. */
function askAll(asked: Session, uri: string, at: number): void {
  const source = asked.workspace.bufferOf(uri)!;
  const view = asked.view(uri);
  const offset = Math.floor(at * (source.text.length + 1));
  foldingRanges(source);
  semanticTokens(source, view);
  if (!view) return;
  const uriOfPath = (path: string): string => FOLDER + path;
  hover(view, offset);
  definition(view, offset, uriOfPath);
  references(view, offset, uriOfPath, true);
  renameable(view, offset);
  rename(view, offset, 'renamed', uriOfPath);
  complete(view, offset, asked.workspace.hostOf(view.root));
  signatureHelp(view, offset);
  documentSymbols(view);
  const end = { line: source.text.split('\n').length, character: 0 };
  inlayHints(view, { start: { line: 0, character: 0 }, end });
}

/** Slips as the tests of diagnostics make them, or text typed or deleted at any place, brackets and quotes too. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('slip' as const), mutation, at: place }),
  fc.record({
    kind: fc.constant('type' as const),
    text: fc.constantFrom(
      'x',
      '.',
      '(',
      '"',
      '/*',
      '\n',
      '\r\n',
      'model M {',
      '}',
      '🙂',
      '\0',
      'import { A } from "./a.mdl"',
    ),
    remove: fc.integer({ min: 0, max: 40 }),
    at: place,
  }),
);

it('any sequence of edits', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const edited = session();
      let text = TEXT;
      const uri = uriOf(MODEL);
      for (const one of steps) {
        if (one.kind === 'slip') text = mutate(text, [one.mutation]);
        else {
          const at = Math.floor(one.at * (text.length + 1));
          text = text.slice(0, at) + one.text + text.slice(at + one.remove);
        }
        edited.workspace.put(uri, text);
        edited.refresh();
        askAll(edited, uri, one.at);
      }
      const fresh = session();
      fresh.workspace.put(uri, text);
      const shown = (asked: Session): unknown =>
        (asked.refresh().get(uri) ?? []).map(({ diagnostic: { code, message, primary, notes } }) => ({
          code,
          message,
          notes,
          at: [primary.span.start, primary.span.end],
        }));
      expect(shown(edited)).toEqual(shown(fresh));
    }),
    { numRuns: 60 },
  );
});
