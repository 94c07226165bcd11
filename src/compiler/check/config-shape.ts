/** The fields that the configs of a file declare: which config is chosen is not known before elaboration. */
import type * as ast from '../syntax/ast.ts';
import type { Definition } from './binding.ts';
import type { NameTable } from './name-table.ts';

/** The fields that any config of a file gives a record; a plain value has none. */
export interface ConfigShape {
  /** `phi`; empty for the whole config */
  readonly path: string;
  readonly record: boolean;
  readonly fields: Map<string, ConfigShape>;
  /** the first declaration of the field; undefined for the whole config, and without a table */
  readonly definition: Definition | undefined;
}

/** Everything that any of the configs declares, kept in `table`; `flags`: names that are flags and no fields where they have a value. */
export function configShape(
  configs: Iterable<ast.ConfigDeclaration>,
  table: NameTable | undefined,
  flags: ReadonlyMap<string, unknown> = new Map(),
): ConfigShape {
  const whole: ConfigShape = { path: '', record: true, fields: new Map(), definition: undefined };
  const add = (into: ConfigShape, fields: readonly ast.ConfigField[]): void => {
    for (const field of fields) {
      const { name, value } = field;
      const record = value.kind === 'fields';
      if (into === whole && !record && flags.has(name.text)) continue;
      const path = into.path === '' ? name.text : `${into.path}.${name.text}`;
      const known = into.fields.get(name.text);
      const shape =
        known && (known.record || !record)
          ? known
          : {
              path,
              record,
              fields: new Map<string, ConfigShape>(),
              definition: known?.definition ?? table?.define(field, 'config field', name, field.doc),
            };
      into.fields.set(name.text, shape);
      if (value.kind === 'fields') add(shape, value.fields);
    }
  };
  for (const config of configs) add(whole, config.fields);
  return whole;
}
