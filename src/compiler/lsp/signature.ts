/** The parameters of the call that is being written. */
import type { SignatureHelp } from 'vscode-languageserver';
import { mdlLexer } from '../../../grammar/tokens.ts';
import { BUILTINS } from '../elaborate/builtins/index.ts';
import type * as ast from '../syntax/ast.ts';
import type { View } from './view.ts';
import { walk } from './walk.ts';

interface OpenCall {
  /** `layers[0].mlp` */
  readonly callee: string;
  /** commas before the cursor */
  readonly position: number;
  /** the name of the argument at the cursor */
  readonly named: string | undefined;
}

export function signatureHelp(view: View, offset: number): SignatureHelp | undefined {
  const call = openCall(view.now.text.slice(0, offset));
  if (!call) return undefined;
  const known = parametersOf(view, call.callee);
  if (!known) return undefined;
  const labels = known.parameters.map((text) => text.replace(/\s+/g, ' '));
  const byName = labels.findIndex((label) => label.replace(/\W.*$/, '') === call.named);
  const parameters = labels.map((label) => ({ label }));
  const label = `${call.callee}(${labels.join(', ')})`;
  return {
    signatures: [{ label, parameters, ...(known.doc === '' ? {} : { documentation: known.doc }) }],
    activeSignature: 0,
    activeParameter: byName >= 0 ? byName : call.position,
  };
}

/** The innermost call that is still open at the end of a text; looks back over some lines. */
function openCall(text: string): OpenCall | undefined {
  const tail = text.slice(-4000);
  const { tokens } = mdlLexer.tokenize(tail);
  const open: { bracket: string; at: number; commas: number; from: number }[] = [];
  tokens.forEach(({ image }, index) => {
    if ('([{'.includes(image)) open.push({ bracket: image, at: index, commas: 0, from: index + 1 });
    else if (')]}'.includes(image)) open.pop();
    else if (image === ',' && open.length > 0) {
      open.at(-1)!.commas++;
      open.at(-1)!.from = index + 1;
    }
  });
  const innermost = open.findLast(({ bracket }) => bracket === '(' || bracket === '{');
  if (innermost?.bracket !== '(') return undefined;
  const images = tokens.map(({ image }) => image);
  const callee = calleeBefore(images, innermost.at);
  if (callee === '') return undefined;
  const [first, second] = tokens.slice(innermost.from);
  return { callee, position: innermost.commas, named: second?.image === '=' ? first!.image : undefined };
}

/** `layers[0].mlp` before a place of a text's tokens: names joined by dots, each with its indices. */
function calleeBefore(images: readonly string[], end: number): string {
  let at = end - 1;
  for (;;) {
    for (let depth = 0; images[at] === ']' || depth > 0; at--) {
      if (at < 0) return '';
      if (images[at] === ']') depth++;
      else if (images[at] === '[') depth--;
    }
    if (!/^[A-Za-z_]\w*$/.test(images[at] ?? '')) return '';
    if (images[at - 1] !== '.') return images.slice(at, end).join('');
    at -= 2;
  }
}

/** The parameters of a callee as they are written: by a call of it that was understood, or by its name. */
function parametersOf(view: View, callee: string): { parameters: string[]; doc: string } | undefined {
  const written = (parameters: readonly ast.Parameter[]): string[] =>
    parameters.map(({ span }) => span.source.text.slice(span.start, span.end));
  const symbol = view.analysis.program.files.get(view.path)!.names.get(callee);
  if (symbol?.kind === 'module')
    return { parameters: written(symbol.declaration.parameters), doc: symbol.declaration.doc };
  if (symbol?.kind === 'function')
    return { parameters: written(symbol.declaration.signature.parameters), doc: symbol.declaration.doc };
  let found: readonly ast.Parameter[] | undefined;
  walk(view.syntax.declarations, (node) => {
    if (found || node.kind !== 'call') return;
    const { source, start, end } = node.callee.span;
    if (source.text.slice(start, end) === callee) found = view.names.parametersOf(node.callee);
  });
  if (found) return { parameters: written(found), doc: '' };
  const builtin = BUILTINS.get(callee);
  return builtin && { parameters: [...builtin.parameters], doc: builtin.doc };
}
