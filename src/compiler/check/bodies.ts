/** Names in types, statements and expressions. */
import { diagnose } from '../diagnostics/catalogue.ts';
import { didYouMean, fix, suggest } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import { ELEMENT_TYPES, elementMeant } from './element-types.ts';
import type { Places, References } from './references.ts';
import { type ConfigShape, capitalNames, type StaticScope } from './static-scope.ts';

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

  constructor(references: References) {
    this.references = references;
  }

  /** A declared type; names of dimensions that start with a capital are variables. */
  type(type: ast.TensorTypeSyntax, outer: StaticScope, parameters?: readonly ast.Parameter[]): void {
    this.references.signature = parameters && new Set(parameters.map(({ name }) => name.text));
    this.dimensions(type, outer);
    this.references.signature = undefined;
  }

  private dimensions(type: ast.TensorTypeSyntax, outer: StaticScope): void {
    this.element(type, type.dims ? ELEMENT_TYPES : VALUE_TYPES);
    for (const dim of type.dims ?? []) {
      if (dim.kind === 'ellipsis' || (dim.kind === 'name' && dim.text === '_')) continue;
      const scope = outer.child();
      for (const { text, span } of capitalNames(dim)) {
        if (!this.references.knows(text, outer)) scope.declare({ text, span });
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
  block(block: ast.Block, scope: StaticScope, used = true): void {
    for (const [index, statement] of block.statements.entries()) {
      const taken = used && index === block.statements.length - 1;
      switch (statement.kind) {
        case 'let':
          this.expression(statement.value, scope);
          this.bind(statement.names, scope);
          break;
        case 'assign':
          this.expression(statement.value, scope);
          if (!scope.canAssign(statement.name.text)) {
            const known = scope.has(statement.name.text);
            const { text, span } = statement.name;
            const note = known
              ? `${text} belongs to the module and does not change; take a new name: \`let ${text}_2 = …\``
              : `a new name is declared with \`let ${text} = …\``;
            const suggestions = known
              ? []
              : [{ message: 'declare it', span: { ...span, end: span.start }, replacement: 'let ' }];
            this.references.bag.add(diagnose('unknown_name', { name: text }, span, { notes: [note], suggestions }));
            scope.declare(statement.name);
          }
          break;
        case 'update':
          this.expression({ kind: 'name', ...statement.name }, scope);
          this.expression(statement.value, scope);
          break;
        case 'for': {
          this.expression(statement.over, scope);
          const inner = scope.child();
          this.bind(statement.names, inner);
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

  private bind(names: readonly ast.Name[], scope: StaticScope): void {
    const places: Places = new Map();
    for (const name of names) {
      if (name.text !== '_') this.references.once(name, places);
      scope.declare(name);
    }
  }

  expression(expression: ast.Expression, scope: StaticScope): void {
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
        this.bind(expression.names, inner);
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
        return;
      case 'member': {
        const record = this.recordOf(expression.object, scope);
        if (!record) {
          this.expression(expression.object, scope);
          return;
        }
        const { member } = expression;
        if (record.fields.has(member.text)) return;
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
          else if (item.kind === 'range') for (const end of [item.from, item.to]) if (end) this.expression(end, scope);
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
  private recordOf(expression: ast.Expression, scope: StaticScope): ConfigShape | undefined {
    let found: ConfigShape | undefined;
    if (expression.kind === 'member')
      found = this.recordOf(expression.object, scope)?.fields.get(expression.member.text);
    else if (expression.kind === 'name' && !scope.has(expression.text)) {
      found = scope.config.map((record) => record.fields.get(expression.text)).find((field) => field !== undefined);
    }
    return found?.record ? found : undefined;
  }
}

function beginsWithBracket({ span }: ast.Statement): boolean {
  return '(['.includes(span.source.text[span.start]!);
}
