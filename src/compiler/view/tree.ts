/** The tree of modules with what is inside of each. */

import type { DType } from '../../shared/dtype.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { ViewModule, ViewParameter } from '../../shared/view.ts';
import { formatPosition } from '../diagnostics/span.ts';
import { type ModuleInstance, type ParameterInfo, parametersOf, submodulesOf } from '../elaborate/instance.ts';
import type { Model } from '../elaborate/model.ts';
import type { EntryGraph } from '../elaborate/trace-entry.ts';
import { printType } from '../ops/rules.ts';

/** As files of weights hold them. */
export const ELEMENT_BYTES: Readonly<Record<DType, number>> = { f32: 4, i64: 8, bool: 1 };

/** @param traced the model's entries, for the types of module outputs */
export function treeOf(model: Model, traced: readonly EntryGraph[]): ViewModule {
  const outputs = new Map(traced.flatMap(({ moduleOutputs }) => [...moduleOutputs]));
  const seen = new Set<ModuleInstance>();
  const visit = (label: string, instance: ModuleInstance): ViewModule => {
    const { path, declaration, span, adapter } = instance;
    const output = outputs.get(path);
    const head = {
      label,
      path,
      kind: adapter ? `${declaration.name.text} + ${adapter.declaration.name.text}` : declaration.name.text,
      source: formatPosition(span.source, span.start),
      ...(output ? { output: printType(output) } : {}),
    };
    if (seen.has(instance)) return { ...head, note: 'shared', parameters: 0, bytes: 0, own: [], children: [] };
    seen.add(instance);
    const own = [instance, ...(adapter ? [adapter] : [])].flatMap(parametersOf);
    const children = listed(
      path,
      submodulesOf(instance).map((child) => (child.off ? offOf(child) : visit(child.name, child.instance))),
    );
    const inside = children.reduce((sum, child) => sum + child.parameters, 0);
    const bytesInside = children.reduce((sum, child) => sum + child.bytes, 0);
    return {
      ...head,
      parameters: inside + own.reduce((sum, { buffer, shape }) => sum + (buffer ? 0 : sizeOf(shape)), 0),
      bytes: bytesInside + own.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * ELEMENT_BYTES[dtype], 0),
      own: own.map(parameterOf),
      children,
    };
  };
  return visit(model.name, model.root);
}

function offOf({ name, instance }: ReturnType<typeof submodulesOf>[number]): ViewModule {
  const kind = instance.declaration.name.text;
  return { label: name, path: instance.path, kind, note: 'off', parameters: 0, bytes: 0, own: [], children: [] };
}

/** The items of a list (`layers.0`, `layers.1`, …) inside of one module that stands for it. */
function listed(parent: string, children: readonly ViewModule[]): readonly ViewModule[] {
  const lists = new Map<string, ViewModule[]>();
  for (const child of children) {
    const [member = ''] = child.label.split('.');
    lists.set(member, [...(lists.get(member) ?? []), child]);
  }
  return [...lists].flatMap(([label, items]) => {
    const [first, ...others] = items;
    if (!first || first.label === label) return items;
    const alike = others.every(({ kind }) => kind === first.kind);
    return {
      label,
      path: parent === '' ? label : `${parent}.${label}`,
      kind: `${items.length} × ${alike ? first.kind : 'module'}`,
      ...(first.source === undefined ? {} : { source: first.source }),
      parameters: items.reduce((sum, { parameters }) => sum + parameters, 0),
      bytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
      own: [],
      children: items.map((item) => ({ ...item, label: item.label.slice(label.length + 1) })),
    };
  });
}

function parameterOf(parameter: ParameterInfo): ViewParameter {
  const { name, keys, buffer } = parameter;
  return { name, key: keys[0], type: printType(parameter), buffer };
}
