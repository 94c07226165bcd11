/** A resolved config as JSON. */
import type { ConfigValue } from '../../shared/artifact.ts';
import { Reported } from './reported.ts';
import { type ConfigField, type ConfigRecord, describe, ERROR, type Value } from './values.ts';

/** The config as JSON, for the manifest and the graphs' metadata. */
export function configToJson(
  record: ConfigRecord,
  evaluate: (field: ConfigField, record: ConfigRecord) => Value,
): { [name: string]: ConfigValue } {
  // fromEntries, since a field may be called __proto__
  return Object.fromEntries(
    [...record.fields.values()].map((field) => [
      field.name,
      field.content.kind === 'record'
        ? configToJson(field.content.record, evaluate)
        : toJson(known(() => evaluate(field, record))),
    ]),
  );
}

/** A value, or an error value where it could not be computed and that is reported. */
function known(value: () => Value): Value {
  try {
    return value();
  } catch (error) {
    if (error instanceof Reported) return ERROR;
    throw error;
  }
}

function toJson(value: Value): ConfigValue {
  if (value.kind === 'int' || value.kind === 'float' || value.kind === 'bool' || value.kind === 'string')
    return value.value;
  if (value.kind === 'list') return value.items.map(toJson);
  if (value === ERROR || value.kind === 'none') return null;
  return describe(value);
}
