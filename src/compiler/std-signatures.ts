/** How the standard library is called, as its documentation and `mdl explain` write it. */
import type { Span } from './diagnostics/span.ts';
import type * as ast from './syntax/ast.ts';

export type Documented = ast.ModuleDeclaration | ast.FunctionDeclaration;

/** The modules, adapters and functions of a file. */
export function documentedOf(declarations: readonly ast.Declaration[]): readonly Documented[] {
  return declarations.filter(
    (one): one is Documented => one.kind === 'module' || one.kind === 'adapter' || one.kind === 'function',
  );
}

/** `module Linear(in_features, …)` and below it `  forward(x: …) -> …`; `fn mse_loss(a, b)`. */
export function signatureLines(one: Documented): string[] {
  return one.kind === 'function' ? functionSignature(one) : moduleSignature(one);
}

function moduleSignature(one: ast.ModuleDeclaration): string[] {
  const on = one.on ? ` on ${one.on.text}` : '';
  const forward = one.members.find((member) => member.kind === 'forward');
  return [
    `${one.kind} ${one.name.text}(${parameters(one.parameters)})${on}`,
    ...(forward ? [`  forward${signatureText(forward.signature)}`] : []),
  ];
}

function functionSignature(one: ast.FunctionDeclaration): string[] {
  const backward = one.backward?.estimator ? '  (backward: an estimator of the gradient)' : '';
  return [`fn ${one.name.text}${signatureText(one.signature)}`, ...(backward === '' ? [] : [backward])];
}

function signatureText({ parameters: all, result }: ast.Signature): string {
  const results = (result ?? []).map(({ name, type }) => `${name ? `${name.text}: ` : ''}${written(type.span)}`);
  if (results.length === 0) return `(${parameters(all)})`;
  return `(${parameters(all)}) -> ${results.length === 1 ? results[0] : `(${results.join(', ')})`}`;
}

const parameters = (all: readonly ast.Parameter[]): string => all.map(({ span }) => written(span)).join(', ');

/** As the source has it, on one line. */
export function written({ source, start, end }: Span): string {
  return source.text.slice(start, end).trim().replaceAll(/\s+/g, ' ');
}
