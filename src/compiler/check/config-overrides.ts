/** Configs that extend another: they give values to names that it declares, and to flags. */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import { type ConfigShape, configShape } from './config-shape.ts';

export class ConfigOverrides {
  private readonly configs: ReadonlyMap<string, ast.ConfigDeclaration>;
  private readonly flags: ReadonlyMap<string, unknown>;
  private readonly bag: DiagnosticBag;
  private readonly schemas = new Map<ast.ConfigDeclaration, ConfigShape>();

  /** @param configs of the file, by name @param flags of the program */
  constructor(
    configs: ReadonlyMap<string, ast.ConfigDeclaration>,
    flags: ReadonlyMap<string, unknown>,
    bag: DiagnosticBag,
  ) {
    this.configs = configs;
    this.flags = flags;
    this.bag = bag;
  }

  /** Reports what a config gives a value that its schema does not declare. */
  declaration(declaration: ast.ConfigDeclaration): void {
    const schema = this.schemaOf(declaration);
    if (schema) this.check(declaration.fields, schema);
  }

  /** What the first config of a chain of `extends` declares; undefined for that one, or where a chain is broken. */
  private schemaOf(declaration: ast.ConfigDeclaration): ConfigShape | undefined {
    const chain = new Set([declaration]);
    let first = declaration;
    while (first.extends) {
      const base = this.configs.get(first.extends.text);
      if (!base || chain.has(base)) return undefined;
      chain.add(base);
      first = base;
    }
    if (first === declaration) return undefined;
    const schema = this.schemas.get(first) ?? configShape([first], undefined);
    this.schemas.set(first, schema);
    return schema;
  }

  /** A config that extends another only overrides: a name that the other does not have is a slip. */
  private check(fields: readonly ast.ConfigField[], schema: ConfigShape): void {
    for (const { name, value } of fields) {
      const field = schema.fields.get(name.text);
      if (field) {
        if (value.kind === 'fields' && field.record) this.check(value.fields, field);
        continue;
      }
      const top = schema.path === '';
      if (top && value.kind === 'bool' && this.flags.has(name.text)) continue;
      const candidates = [...schema.fields.keys(), ...(top ? this.flags.keys() : [])];
      const full = top ? name.text : `${schema.path}.${name.text}`;
      this.bag.add(
        diagnose('unknown_setting', { name: full }, name.span, {
          suggestions: fix(didYouMean(name.text, candidates, name.span)),
        }),
      );
    }
  }
}
