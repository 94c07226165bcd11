/**
 * Modules that contain themselves, found without instantiating anything: `A { b = B() }` and `B { a = A() }`.
 *
 * Only members that are certain to be made count, so that what is reported is always a mistake: a call, an item of a
 * list, and a member that `when` switches off (it is instantiated all the same), but no loop and no `when … else`.
 */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Diagnostic, DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { NameTable } from './name-table.ts';
import type { Program } from './program.ts';

interface Part {
  readonly declaration: ast.ModuleDeclaration;
  readonly call: ast.CallExpression;
}

export function checkModuleCycles(program: Program, names: NameTable, bag: DiagnosticBag): void {
  const finished = new Set<ast.ModuleDeclaration>();
  const open: ast.ModuleDeclaration[] = [];
  const visit = (declaration: ast.ModuleDeclaration): void => {
    if (finished.has(declaration)) return;
    open.push(declaration);
    for (const part of partsOf(declaration, names)) {
      const start = open.indexOf(part.declaration);
      if (start < 0) {
        visit(part.declaration);
        continue;
      }
      bag.add(moduleRecursion([...open.slice(start), part.declaration], part.call.span));
    }
    open.pop();
    finished.add(declaration);
  };
  // the model first: the call that closes a cycle is then the one that elaboration reports
  if (program.model) visit(program.model.declaration);
  for (const file of program.files.values()) {
    for (const declaration of file.syntax.declarations) {
      if (declaration.kind === 'module' || declaration.kind === 'model' || declaration.kind === 'adapter')
        visit(declaration);
    }
  }
}

/** The diagnostic for a module that contains itself: the chain starts and ends with it. */
export function moduleRecursion(chain: readonly ast.ModuleDeclaration[], at: Span): Diagnostic {
  const names = chain.map((module) => module.name.text);
  const circle = names.length > 2 ? [`the circle is ${names.join(' → ')}`] : [];
  const notes = [...circle, 'for a stack of layers write a list: `layers = [Layer(d) for i in range(n)]`'];
  return diagnose('recursion', { name: names[0]!, verb: 'contains' }, at, { notes });
}

function partsOf(declaration: ast.ModuleDeclaration, names: NameTable): Part[] {
  const parts: Part[] = [];
  const collect = (expression: ast.Expression): void => {
    if (expression.kind === 'list') for (const item of expression.items) collect(item);
    else if (expression.kind === 'when' && !expression.otherwise) collect(expression.value);
    else if (expression.kind === 'call' && expression.callee.kind === 'name') {
      const binding = names.bindingOf(expression.callee);
      if (binding?.kind === 'symbol' && binding.symbol.kind === 'module')
        parts.push({ declaration: binding.symbol.declaration, call: expression });
    }
  };
  for (const member of declaration.members) if (member.kind === 'submodule') collect(member.value);
  return parts;
}
