/** What a name means: a local, a function of the module, a field of the config, a declaration, a built-in; and members. */

import { nearest } from '../../shared/nearest.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import { type Diagnostic, MAX_DIAGNOSTICS } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluator } from './evaluator.ts';
import { Reported } from './reported.ts';
import { Scope } from './scope.ts';
import { type ConfigField, type ConfigRecord, join } from './settings.ts';
import { bool, describe, type Value } from './values.ts';

/** What the value of a config field takes of the stack, compared with an expression. */
const FIELD_WEIGHT = 6;

export class Lookup {
  private readonly evaluator: Evaluator;
  private readonly evaluatingConfig = new Set<ConfigField>();

  constructor(evaluator: Evaluator) {
    this.evaluator = evaluator;
  }

  name(expression: ast.NameExpression, scope: Scope): Value {
    const value = this.lookUp(expression.text, scope);
    if (!value) this.evaluator.fail(this.unknownName(expression.text, expression.span, scope));
    if (value.kind === 'error') throw new Reported();
    return value;
  }

  lookUp(name: string, scope: Scope): Value | undefined {
    const local = scope.get(name);
    if (local) return local;
    const method = scope.self?.declaration.members.find(
      (member) => member.kind === 'function' && member.name.text === name,
    );
    if (method?.kind === 'function')
      return { kind: 'function', declaration: method, file: scope.self!.file, self: scope.self };
    const declared = scope.file.names.get(name);
    if (declared?.kind !== 'flag') {
      const field = this.configField(name, scope);
      if (field) return field;
    }
    if (declared) {
      if (declared.kind === 'flag')
        return bool(this.evaluator.settings?.flags.get(name) ?? declared.declaration.value, true);
      if (declared.kind === 'module') return { kind: 'module', declaration: declared.declaration, file: declared.file };
      if (declared.kind === 'function')
        return { kind: 'function', declaration: declared.declaration, file: declared.file, self: undefined };
    }
    const builtin = this.evaluator.builtins.get(name);
    return builtin ? { kind: 'builtin', builtin } : undefined;
  }

  unknownName(name: string, at: Span, scope: Scope): Diagnostic {
    const near =
      this.evaluator.bag.size < MAX_DIAGNOSTICS
        ? nearest(name, [...scope.all(), ...this.evaluator.builtins.keys()])
        : undefined;
    // without a context: it is unknown in every instance
    return diagnose('unknown_name', { name }, at, {
      suggestions: near ? [{ message: `did you mean \`${near}\`?`, span: at, replacement: near }] : [],
    });
  }

  private configField(name: string, scope: Scope): Value | undefined {
    for (const record of scope.config) {
      const field = record.fields.get(name);
      if (field) return this.fieldValue(field, record, scope.config);
    }
    return undefined;
  }

  /** The value of a config field; its expression sees the fields of its own record and the whole config. */
  fieldValue(field: ConfigField, record: ConfigRecord, within: readonly ConfigRecord[]): Value {
    const { content } = field;
    if (content.kind === 'record') return { kind: 'record', record: content.record };
    if (content.kind === 'value') return content.value;
    if (this.evaluatingConfig.has(field)) {
      this.evaluator.fail(
        diagnose('recursion', { name: `the config value ${join(record.path, field.name)}`, verb: 'needs' }, field.span),
      );
    }
    this.evaluatingConfig.add(field);
    try {
      const outer = within.filter((other) => other !== record);
      return this.evaluator.effort.nested(FIELD_WEIGHT, field.span, () =>
        this.evaluator.expression(
          content.expression,
          new Scope(this.evaluator.program.root, { config: [record, ...outer] }),
        ),
      );
    } finally {
      this.evaluatingConfig.delete(field);
    }
  }

  member(expression: ast.MemberExpression, scope: Scope): Value {
    const { object, member } = expression;
    const value = this.recordNamed(object, scope) ?? this.evaluator.expression(object, scope);
    if (value.kind === 'record') {
      const field = value.record.fields.get(member.text);
      if (field)
        return this.fieldValue(
          field,
          value.record,
          this.evaluator.settings ? [this.evaluator.settings.config] : scope.config,
        );
      return this.noMember(`the config record ${value.record.path}`, member, value.record.fields.keys());
    }
    if (value.kind === 'instance') {
      const found = value.instance.members.get(member.text);
      if (found) {
        if (found.kind === 'error') throw new Reported();
        return found;
      }
      return this.noMember(
        value.instance.path || value.instance.declaration.name.text,
        member,
        value.instance.members.keys(),
      );
    }
    return this.noMember(describe(value), member, [], this.ofTensor(member.text));
  }

  /** `lora.r` where `lora` alone is the flag. */
  private recordNamed(object: ast.Expression, scope: Scope): Value | undefined {
    if (object.kind !== 'name' || scope.get(object.text)) return undefined;
    for (const record of scope.config) {
      const content = record.fields.get(object.text)?.content;
      if (content?.kind === 'record') return { kind: 'record', record: content.record };
    }
    return undefined;
  }

  /** What is a method or a property in PyTorch. */
  private ofTensor(name: string): string[] {
    if (this.evaluator.builtins.has(name))
      return [`functions are no methods: write \`${name}(x)\` or \`x |> ${name}\``];
    if (name === 'shape' || name === 'size')
      return ['sizes are the names in the declared type: in a body with `x: [B, T, 8]`, B and T are known'];
    return [];
  }

  private noMember(object: string, member: ast.Name, candidates: Iterable<string>, notes: string[] = []): never {
    const near = nearest(member.text, candidates);
    return this.evaluator.fail(
      diagnose('unknown_member', { object, name: member.text }, member.span, {
        ...this.evaluator.here(),
        notes,
        suggestions: near ? [{ message: `did you mean \`${near}\`?`, span: member.span, replacement: near }] : [],
      }),
    );
  }
}
