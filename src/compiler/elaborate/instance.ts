/** Instances: what a module declaration becomes once its arguments are known. They form the model's tree. */
import type { ParameterInfo } from './parameter.ts';
import type { ModuleInstance, Value } from './values.ts';

export type { Absence, ParameterInfo, Place } from './parameter.ts';
export type { ModuleInstance } from './values.ts';

/** All submodule instances of a member value, with their names: one, or a list's. */
export function submodulesOf(
  instance: ModuleInstance,
): { readonly name: string; readonly instance: ModuleInstance; readonly off: boolean }[] {
  const found: { name: string; instance: ModuleInstance; off: boolean }[] = [];
  const visit = (name: string, value: Value): void => {
    if (value.kind === 'instance') found.push({ name, instance: value.instance, off: value.off });
    else if (value.kind === 'list') for (const [index, item] of value.items.entries()) visit(`${name}.${index}`, item);
  };
  for (const [name, value] of instance.members) visit(name, value);
  return found;
}

export function parametersOf(instance: ModuleInstance): ParameterInfo[] {
  const own = [...instance.members.values()].flatMap((value) => (value.kind === 'parameter' ? [value.parameter] : []));
  return own;
}
