/** Values of names, by what `check` found that they stand for; and members of records and instances. */

import type { Binding } from '../check/binding.ts';
import type { NameNode } from '../check/name-table.ts';
import type { FileSymbol } from '../check/program.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import { type Diagnostic, MAX_DIAGNOSTICS } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import { Frame } from './frame.ts';
import { memberNotes } from './habits.ts';
import { Reported } from './reported.ts';
import { join } from './settings.ts';
import { bool, type ConfigField, type ConfigRecord, describe, type Value } from './values.ts';

/** What the value of a config field takes of the stack, compared with an expression. */
const FIELD_WEIGHT = 6;

export class Lookup {
  private readonly evaluator: Evaluation;
  private readonly evaluatingConfig = new Set<ConfigField>();

  constructor(evaluator: Evaluation) {
    this.evaluator = evaluator;
  }

  name(node: NameNode, frame: Frame): Value {
    const binding = this.evaluator.bindings.bindingOf(node);
    if (!binding) return this.reported();
    const value = this.valueOf(binding, frame) ?? this.evaluator.fail(this.absent(node.text, node.span, frame));
    if (value.kind === 'error') throw new Reported();
    return value;
  }

  /** The declaration of a file that a name stands for. */
  symbolOf(node: NameNode): FileSymbol {
    const binding = this.evaluator.bindings.bindingOf(node);
    if (!binding) return this.reported();
    if (binding.kind === 'symbol') return binding.symbol;
    return this.evaluator.fail(
      diagnose(
        'not_usable_here',
        { name: node.text, what: 'no declaration of the file', use: 'an adapter' },
        node.span,
      ),
    );
  }

  /** A name that stands for nothing was reported when names were resolved. */
  private reported(): never {
    this.evaluator.errors++;
    throw new Reported();
  }

  /** Undefined for a config field that the chosen config lacks, and a dimension that no argument has. */
  private valueOf(binding: Binding, frame: Frame): Value | undefined {
    switch (binding.kind) {
      case 'local':
        return frame.get(binding.slot) ?? (binding.before && this.valueOf(binding.before, frame));
      case 'member': {
        const instance = binding.of === 'base' ? frame.self?.base : frame.self;
        return instance?.members.get(binding.name) ?? instance?.values.get(binding.name);
      }
      case 'method':
        return { kind: 'function', declaration: binding.declaration, file: frame.file, self: frame.self };
      case 'base':
        return frame.self?.base && { kind: 'base', instance: frame.self.base };
      case 'config': {
        const value = binding.record ? recordIn(binding.name, frame) : this.configField(binding.name, frame);
        return value ?? (binding.otherwise && this.valueOf(binding.otherwise, frame));
      }
      case 'symbol':
        return this.declared(binding.symbol);
      case 'entry':
        throw new Error(`the entry ${binding.name} is no value: nothing evaluates where a role is given`);
      case 'builtin': {
        const builtin = this.evaluator.builtins.get(binding.name);
        return builtin && { kind: 'builtin', name: builtin.name };
      }
    }
  }

  private declared(symbol: FileSymbol): Value | undefined {
    switch (symbol.kind) {
      case 'flag': {
        const { name, value } = symbol.declaration;
        return bool(this.evaluator.settings?.flags.get(name.text) ?? value, true);
      }
      case 'module':
        return { kind: 'module', declaration: symbol.declaration, file: symbol.file };
      case 'function':
        return { kind: 'function', declaration: symbol.declaration, file: symbol.file, self: undefined };
      case 'config':
        return undefined;
    }
  }

  /** What a name is that this config or this call gives no value. */
  private absent(name: string, at: Span, frame: Frame): Diagnostic {
    const { bag, builtins } = this.evaluator;
    const inSight = (): string[] => [
      ...(frame.self ? [...frame.self.members.keys(), ...frame.self.values.keys()] : []),
      ...frame.config.flatMap((record) => [...record.fields.keys()]),
      ...[...frame.file.names.keys()].filter((other) => !other.includes(' ')),
      ...builtins.keys(),
    ];
    // without a context: it is unknown in every instance
    return diagnose('unknown_name', { name }, at, {
      suggestions: fix(bag.size < MAX_DIAGNOSTICS ? didYouMean(name, inSight(), at) : undefined),
    });
  }

  private configField(name: string, frame: Frame): Value | undefined {
    for (const record of frame.config) {
      const field = record.fields.get(name);
      if (field) return this.fieldValue(field, record, frame.config);
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
          new Frame(this.evaluator.program.root, undefined, [record, ...outer]),
        ),
      );
    } finally {
      this.evaluatingConfig.delete(field);
    }
  }

  member(expression: ast.MemberExpression, frame: Frame): Value {
    const { object, member } = expression;
    const value = this.evaluator.expression(object, frame);
    if (value.kind === 'record') {
      const field = value.record.fields.get(member.text);
      if (field)
        return this.fieldValue(
          field,
          value.record,
          this.evaluator.settings ? [this.evaluator.settings.config] : frame.config,
        );
      return this.noMember(`the config record ${value.record.path}`, member, value.record.fields.keys());
    }
    if (value.kind === 'instance') {
      const found = value.instance.members.get(member.text);
      if (found) {
        if (found.kind === 'error') throw new Reported();
        return found;
      }
      const { path, declaration, members } = value.instance;
      return this.noMember(path || declaration.name.text, member, members.keys(), ofInstance(declaration, member.text));
    }
    return this.noMember(
      describe(value),
      member,
      [],
      memberNotes(member.text, this.evaluator.builtins.has(member.text)),
    );
  }

  private noMember(object: string, member: ast.Name, candidates: Iterable<string>, notes: string[] = []): never {
    return this.evaluator.fail(
      diagnose('unknown_member', { object, name: member.text }, member.span, {
        ...this.evaluator.here(),
        notes,
        suggestions: fix(didYouMean(member.text, candidates, member.span)),
      }),
    );
  }
}

/** Why a name of a module's declaration is no member of its instances. */
function ofInstance({ name: module, members, parameters }: ast.ModuleDeclaration, name: string): string[] {
  if (members.some((member) => member.kind === 'function' && member.name.text === name))
    return [
      `${name} is a function inside of ${module.text}, known to its own bodies: let its forward call it, or declare it beside the modules, \`fn ${name}(…) { … }\``,
    ];
  const local =
    members.some((member) => member.kind === 'let-member' && member.name.text === name) ||
    parameters.some((parameter) => parameter.name.text === name);
  return local
    ? [`${name} is a value inside of ${module.text}; from outside are seen its params, buffers and submodules`]
    : [];
}

/** `lora` of `lora.r`, where `lora` alone is the flag. */
function recordIn(name: string, frame: Frame): Value | undefined {
  for (const record of frame.config) {
    const content = record.fields.get(name)?.content;
    if (content?.kind === 'record') return { kind: 'record', record: content.record };
  }
  return undefined;
}
