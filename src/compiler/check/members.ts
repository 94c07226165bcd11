/**
 * Names that depend on what an object is: `phi.hidden_size` where phi is an argument, `llama_model.model`, the names of
 * arguments. What an object is follows from the calls that make and pass it, so these are resolved when all files are.
 */
import type * as ast from '../syntax/ast.ts';
import type { Definition } from './binding.ts';
import type { ConfigShape } from './config-shape.ts';
import type { NameTable } from './name-table.ts';

/** What a value is, as far as names need it; a list is what its items are. */
type Shape =
  | { readonly kind: 'record'; readonly record: ConfigShape }
  | { readonly kind: 'instance'; readonly module: ast.ModuleDeclaration };

export class Members {
  private readonly table: NameTable;
  private readonly calls: ast.CallExpression[] = [];
  private readonly adapts: { parameters: readonly ast.Parameter[]; given: readonly ast.Argument[] }[] = [];
  private readonly members: ast.MemberExpression[] = [];
  /** the expressions that give a name its value: a let's, a submodule's, those that calls pass */
  private readonly sources = new Map<Definition, ast.Expression[]>();
  private readonly records = new Map<Definition, ConfigShape>();
  private readonly known = new Map<Definition, Shape | undefined>();

  constructor(table: NameTable) {
    this.table = table;
  }

  given(definition: Definition, value: ast.Expression): void {
    const sources = this.sources.get(definition);
    if (sources) sources.push(value);
    else this.sources.set(definition, [value]);
  }

  call(expression: ast.CallExpression): void {
    this.calls.push(expression);
  }

  member(expression: ast.MemberExpression): void {
    this.members.push(expression);
  }

  /** The records of a file's configs. */
  record(shape: ConfigShape): void {
    if (shape.definition) this.records.set(shape.definition, shape);
    for (const field of shape.fields.values()) if (field.record) this.record(field);
  }

  /** `adapt … with LoRA(r = 8)` passes arguments as a call does. */
  adapt(parameters: readonly ast.Parameter[], given: readonly ast.Argument[]): void {
    this.adapts.push({ parameters, given });
  }

  private arguments(parameters: readonly ast.Parameter[], given: readonly ast.Argument[]): void {
    for (const [parameter, { name, value }] of matched(parameters, given)) {
      const definition = this.table.definitionOf(parameter);
      if (!definition) continue;
      this.given(definition, value);
      if (name) this.table.use(name.span, definition);
    }
  }

  /** Resolves what was left open, with every file's names known. */
  finish(): void {
    this.table.membersOf = (object) => this.membersOf(this.shapeOf(object));
    this.table.parametersOf = (callee) => this.parametersOf(callee);
    for (const { parameters, given } of this.adapts) this.arguments(parameters, given);
    const open = new Set(this.calls);
    // what one call passes may say what another calls
    for (let before = -1; open.size !== before; ) {
      before = open.size;
      for (const call of open) {
        const parameters = this.parametersOf(call.callee);
        if (!parameters) continue;
        open.delete(call);
        this.arguments(parameters, call.arguments);
      }
      this.known.clear();
    }
    for (const { object, member } of this.members) {
      const definition = this.memberOf(this.shapeOf(object), member.text);
      if (definition) this.table.use(member.span, definition);
      else this.table.open.push(member);
    }
    for (const call of open) {
      for (const { name } of call.arguments) if (name && !this.isBuiltin(call.callee)) this.table.open.push(name);
    }
  }

  private isBuiltin(callee: ast.Expression): boolean {
    return callee.kind === 'name' && this.table.bindingOf(callee)?.kind === 'builtin';
  }

  private parametersOf(callee: ast.Expression): readonly ast.Parameter[] | undefined {
    const binding = callee.kind === 'name' ? this.table.bindingOf(callee) : undefined;
    if (binding?.kind === 'method') return binding.declaration.signature.parameters;
    if (binding?.kind === 'symbol' && binding.symbol.kind === 'module') return binding.symbol.declaration.parameters;
    if (binding?.kind === 'symbol' && binding.symbol.kind === 'function')
      return binding.symbol.declaration.signature.parameters;
    const shape = this.shapeOf(callee);
    if (shape?.kind !== 'instance') return undefined;
    const forward = shape.module.members.find((member) => member.kind === 'forward');
    return forward?.kind === 'forward' ? forward.signature.parameters : undefined;
  }

  private shapeOf(expression: ast.Expression): Shape | undefined {
    switch (expression.kind) {
      case 'name': {
        const definition = this.table.bindingOf(expression)?.definition;
        return definition && this.shapeOfDefinition(definition);
      }
      case 'call': {
        const { callee } = expression;
        const binding = callee.kind === 'name' ? this.table.bindingOf(callee) : undefined;
        if (binding?.kind !== 'symbol' || binding.symbol.kind !== 'module') return undefined;
        return { kind: 'instance', module: binding.symbol.declaration };
      }
      case 'member': {
        const definition = this.memberOf(this.shapeOf(expression.object), expression.member.text);
        return definition && this.shapeOfDefinition(definition);
      }
      case 'index':
        return this.shapeOf(expression.object);
      case 'list':
        return expression.items[0] && this.shapeOf(expression.items[0]);
      case 'comprehension':
        return this.shapeOf(expression.item);
      case 'when':
        return this.shapeOf(expression.value) ?? (expression.otherwise && this.shapeOf(expression.otherwise));
      default:
        return undefined;
    }
  }

  private shapeOfDefinition(definition: Definition): Shape | undefined {
    const record = this.records.get(definition);
    if (record) return { kind: 'record', record };
    if (this.known.has(definition)) return this.known.get(definition);
    this.known.set(definition, undefined); // a value that depends on itself is nothing
    let shape: Shape | undefined;
    for (const source of this.sources.get(definition) ?? []) shape ??= this.shapeOf(source);
    this.known.set(definition, shape);
    return shape;
  }

  private membersOf(shape: Shape | undefined): Definition[] {
    if (shape?.kind === 'record')
      return [...shape.record.fields.values()].flatMap(({ definition }) => (definition ? [definition] : []));
    return (shape?.module.members ?? []).flatMap((member) => {
      const definition = this.table.definitionOf(member);
      return definition && (member.kind === 'param' || member.kind === 'submodule') ? [definition] : [];
    });
  }

  private memberOf(shape: Shape | undefined, name: string): Definition | undefined {
    if (shape?.kind === 'record') return shape.record.fields.get(name)?.definition;
    const member = shape?.module.members.find(
      (m) => (m.kind === 'param' || m.kind === 'submodule') && m.name.text === name,
    );
    return member && this.table.definitionOf(member);
  }
}

/** Arguments with their parameters: positional ones in order, named ones by name. */
function matched(
  parameters: readonly ast.Parameter[],
  given: readonly ast.Argument[],
): (readonly [ast.Parameter, ast.Argument])[] {
  let position = 0;
  return given.flatMap((argument) => {
    const { name } = argument;
    const parameter = name ? parameters.find((p) => p.name.text === name.text) : parameters[position++];
    return parameter ? [[parameter, argument] as const] : [];
  });
}
