/** Names in types, statements and expressions. */
import { diagnose } from '../diagnostics/catalogue.ts';
import { didYouMean, fix, suggest } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import type { Binding, Definition } from './binding.ts';
import type { ConfigShape } from './config-shape.ts';
import { ELEMENT_TYPES, elementMeant } from './element-types.ts';
import type { Members } from './members.ts';
import type { Places, References } from './references.ts';
import { capitalNames, type Scope } from './scope.ts';

/** Element types of tensors, and what else a parameter that is no tensor may be declared as. */
const VALUE_TYPES: readonly string[] = [
  ...ELEMENT_TYPES,
  'string',
  'list',
  'record',
  'module',
  'function',
  'builtin',
  'initializer',
  'instance',
];

export class Bodies {
  private readonly references: References;
  private readonly members: Members;

  constructor(references: References, members: Members) {
    this.references = references;
    this.members = members;
  }

  /** A declared type; names of dimensions that start with a capital are variables: those of `dims`, or new ones of it. */
  type(
    type: ast.TensorTypeSyntax,
    outer: Scope,
    dims: Map<string, Binding>,
    parameters?: readonly ast.Parameter[],
  ): void {
    this.references.signature = parameters && new Set(parameters.map(({ name }) => name.text));
    this.dimensions(type, outer, dims);
    this.references.signature = undefined;
  }

  private dimensions(type: ast.TensorTypeSyntax, outer: Scope, dims: Map<string, Binding>): void {
    this.element(type, type.dims ? ELEMENT_TYPES : VALUE_TYPES);
    for (const dim of type.dims ?? []) {
      if (dim.kind === 'ellipsis' || (dim.kind === 'name' && dim.text === '_')) continue;
      const scope = outer.child();
      for (const name of capitalNames(dim)) {
        if (this.references.resolve(name.text, outer)) continue;
        const known = dims.get(name.text);
        if (known) scope.set(name.text, known);
        else dims.set(name.text, scope.local(this.references.table.define(name, 'dimension', name)));
      }
      this.expression(dim, scope);
    }
  }

  element({ element }: ast.TensorTypeSyntax, known: readonly string[]): void {
    if (!element || known.includes(element.text)) return;
    const meant = elementMeant(element.text);
    this.references.bag.add(
      diagnose('unknown_name', { name: element.text }, element.span, {
        notes: [`a type is ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`],
        suggestions: fix(meant ? suggest(meant, element.span) : didYouMean(element.text, known, element.span)),
      }),
    );
  }

  /** `used`: whether something takes the value that the block ends with. */
  block(block: ast.Block, scope: Scope, used = true): void {
    for (const [index, statement] of block.statements.entries()) {
      const taken = used && index === block.statements.length - 1;
      switch (statement.kind) {
        case 'let':
          this.expression(statement.value, scope);
          this.bind(statement.names, scope, statement.value);
          break;
        case 'assign':
          this.expression(statement.value, scope);
          if (scope.get(statement.name.text)?.kind === 'local') this.references.use(statement.name, scope);
          else {
            const { text, span } = statement.name;
            const known = scope.get(text) !== undefined;
            const note = known
              ? `${text} belongs to the module and does not change; take a new name: \`let ${text}_2 = …\``
              : `a new name is declared with \`let ${text} = …\``;
            const suggestions = known
              ? []
              : [{ message: 'declare it', span: { ...span, end: span.start }, replacement: 'let ' }];
            this.references.bag.add(diagnose('unknown_name', { name: text }, span, { notes: [note], suggestions }));
            this.declare(statement.name, 'let', scope);
          }
          break;
        case 'update':
          this.references.use(statement.name, scope);
          this.expression(statement.value, scope);
          break;
        case 'for': {
          this.expression(statement.over, scope);
          const inner = scope.child();
          this.bind(statement.names, inner, statement.over);
          this.block(statement.body, inner, false);
          break;
        }
        case 'if':
          this.expression(statement.condition, scope);
          this.block(statement.consequent, scope.child(), taken);
          if (statement.otherwise) this.block(statement.otherwise, scope.child(), taken);
          break;
        case 'expression': {
          const errors = this.references.bag.size;
          this.expression(statement.value, scope);
          // what is wrong in it often says why it stands there: `return x`
          if (!taken && this.references.bag.size === errors) this.unused(statement, block.statements[index + 1]);
        }
      }
    }
  }

  private unused(statement: ast.Statement, next: ast.Statement | undefined): void {
    const notes = ['only the last expression of a body is its value: give this one a name with `let`, or leave it out'];
    if (beginsWithBracket(statement) || (next && beginsWithBracket(next)))
      notes.push('a `(` or `[` that calls or indexes stands on the line of what it applies to');
    if ('value' in statement && statement.value.kind === 'string') notes.push('a comment starts with //');
    this.references.bag.add(diagnose('unused_value', {}, statement.span, { notes }));
  }

  private bind(names: readonly ast.Name[], scope: Scope, value: ast.Expression): void {
    const places: Places = new Map();
    for (const name of names) {
      if (name.text !== '_') this.references.once(name, places);
      const definition = this.declare(name, 'let', scope);
      if (names.length === 1) this.members.given(definition, value);
    }
  }

  /** Gives the module's names that a body assigns a slot of the body. */
  rebind(block: ast.Block, scope: Scope): void {
    for (const statement of block.statements) {
      if (statement.kind === 'assign') {
        const before = scope.get(statement.name.text);
        if (before?.kind === 'member') scope.local(before.definition, before);
      } else if (statement.kind === 'for') this.rebind(statement.body, scope);
      else if (statement.kind === 'if') {
        this.rebind(statement.consequent, scope);
        if (statement.otherwise) this.rebind(statement.otherwise, scope);
      }
    }
  }

  /** A name with a slot in the frame. */
  declare(name: ast.Name, kind: 'let' | 'argument', scope: Scope, node: object = name): Definition {
    const definition = this.references.table.define(node, kind, name);
    this.references.table.bind(name, scope.local(definition));
    return definition;
  }

  expression(expression: ast.Expression, scope: Scope): void {
    switch (expression.kind) {
      case 'name':
        this.references.use(expression, scope);
        return;
      case 'list':
      case 'tuple':
        for (const item of expression.items) this.expression(item, scope);
        return;
      case 'comprehension': {
        this.expression(expression.over, scope);
        const inner = scope.child();
        this.bind(expression.names, inner, expression.over);
        if (expression.filter) this.expression(expression.filter, inner);
        this.expression(expression.item, inner);
        return;
      }
      case 'unary':
        this.expression(expression.operand, scope);
        return;
      case 'binary':
        this.expression(expression.left, scope);
        this.expression(expression.right, scope);
        return;
      case 'call':
        this.expression(expression.callee, scope);
        for (const argument of expression.arguments) this.expression(argument.value, scope);
        this.members.call(expression);
        return;
      case 'member': {
        const record = this.recordOf(expression.object, scope);
        if (!record) {
          this.expression(expression.object, scope);
          this.members.member(expression);
          return;
        }
        const { member } = expression;
        const field = record.fields.get(member.text)?.definition;
        if (field) {
          this.references.table.use(member.span, field);
          return;
        }
        const suggestions = fix(didYouMean(member.text, record.fields.keys(), member.span));
        this.references.bag.add(
          diagnose('unknown_member', { object: `the config record ${record.path}`, name: member.text }, member.span, {
            suggestions,
          }),
        );
        return;
      }
      case 'index':
        this.expression(expression.object, scope);
        for (const item of expression.items) {
          if (item.kind === 'at') this.expression(item.index, scope);
          else if (item.kind === 'range')
            for (const end of [item.from, item.to, item.step]) if (end) this.expression(end, scope);
        }
        return;
      case 'when':
        this.expression(expression.value, scope);
        this.expression(expression.condition, scope);
        if (expression.otherwise) this.expression(expression.otherwise, scope);
        return;
      case 'int':
      case 'float':
      case 'string':
      case 'bool':
      case 'none':
    }
  }

  /** The config record that `phi` or `phi.attention` stands for, if it stands for one. */
  private recordOf(expression: ast.Expression, scope: Scope): ConfigShape | undefined {
    if (expression.kind === 'member') {
      const found = this.recordOf(expression.object, scope)?.fields.get(expression.member.text);
      if (!found?.record || !found.definition) return undefined;
      this.references.table.use(expression.member.span, found.definition);
      return found;
    }
    if (expression.kind !== 'name' || scope.get(expression.text)) return undefined;
    const { text: name } = expression;
    const found = scope.config.map((record) => record.fields.get(name)).find((field) => field !== undefined);
    if (!found?.record || !found.definition) return undefined;
    const otherwise = this.references.resolve(name, scope);
    this.references.table.bind(expression, {
      kind: 'config',
      name,
      record: true,
      definition: found.definition,
      otherwise: otherwise?.kind === 'config' ? otherwise.otherwise : otherwise,
    });
    return found;
  }
}

function beginsWithBracket({ span }: ast.Statement): boolean {
  return '(['.includes(span.source.text[span.start]!);
}
