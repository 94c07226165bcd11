/**
 * Everything that the text of some kernels depends on, as text: two dispatches with equal signatures have equal kernels,
 * so that the layers of a model are written once and not thirty-two times.
 *
 *   layer 3: %812 = linear(%790, parameter:77, parameter:78) …    linear #0 #1 #2, buffers 0 = value:790, 1 = parameter:77 …
 *   layer 4: %901 = linear(%879, parameter:91, parameter:92) …    the same, with buffers 0 = value:879, 1 = parameter:91 …
 *
 * Values are numbered in the graph's order, buffers and bases (places in a shared buffer) by first use; what stays is ops,
 * attributes, types, layouts, and which buffers are the same. A signature may say more than a text needs, never less: what an emitter looks at has to be here.
 */
import { printDim, type Shape } from '../../../../shared/dim.ts';
import { type AnyNode, type TensorType, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Kernel } from '../kernel.ts';
import type { GraphFacts, Storage, Stored } from '../text/evaluator.ts';
import { pieceOf } from '../text/layout.ts';

export interface Signature {
  readonly text: string;
  /** keys of buffers, by the number that the text has for them */
  readonly buffers: readonly string[];
  /** where tensors begin in buffers that they share, likewise */
  readonly bases: readonly number[];
}

export function signatureOf(kernels: readonly Kernel[], facts: GraphFacts, storage: Storage): Signature {
  const numbers = new Map<string, number>();
  const number = (key: string): number => {
    const before = numbers.get(key);
    if (before !== undefined) return before;
    numbers.set(key, numbers.size);
    return numbers.size - 1;
  };
  const bases = new Map<number, number>();
  const baseText = (base: number | undefined): string => {
    if (base === undefined) return '';
    if (!bases.has(base)) bases.set(base, bases.size);
    // only whether vectors can be loaded there is in a kernel's text
    return ` ^${bases.get(base)}${base % 4 === 0 ? '' : ' unaligned'}`;
  };
  const place = (stored: Stored | undefined): string =>
    stored ? `@${number(stored.key)} ${placeText(stored)}${baseText(stored.layout.base)}` : '-';
  const text = (kernel: Kernel): string => {
    const own = kernelText(kernel, facts, { place, base: baseText }, storage);
    const { fresh } = kernel;
    if (!fresh) return own;
    return [own, fresh.query ? text(fresh.query) : 'queries as they are', text(fresh.key), text(fresh.value)].join(
      '\n\n',
    );
  };
  const texts = kernels.map(text);
  return { text: texts.join('\n\n'), buffers: [...numbers.keys()], bases: [...bases.keys()] };
}

interface PlaceTexts {
  place(stored: Stored | undefined): string;
  base(base: number | undefined): string;
}

function kernelText(
  kernel: Kernel,
  { graph, producers, constants, order }: GraphFacts,
  texts: PlaceTexts,
  storage: Storage,
): string {
  const { outputs, shape, columns, core, phases } = kernel;
  const placeOf = (value: ValueId): string => texts.place(storage.stored(value));
  const computed = new Set([...outputs.map(({ value }) => value), ...(core?.outputs ?? [])]);
  const nodes = new Set<AnyNode>();
  const seen = new Set<ValueId>();
  const open = [...computed, ...phases.flatMap((phase) => phase.outputs)];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const node = producers.get(value);
    if (!node || (storage.stored(value) && !computed.has(value))) continue;
    nodes.add(node);
    open.push(...node.inputs);
  }
  const sorted = [...nodes].sort((a, b) => order.get(a)! - order.get(b)!);
  const names = new Map<ValueId, string>();
  const lines: string[] = [];
  // what a value is where nothing here makes it: a place, and the number that a constant of one element is
  const leaf = (value: ValueId): string => {
    const name = `#${names.size}`;
    names.set(value, name);
    const constant = constants.get(value);
    const known = constant?.data.length === 1 ? ` = ${numberText(constant.data[0]!)}` : '';
    lines.push(`${name} ${typeText(typeOf(graph, value))} ${placeOf(value)}${known}`);
    return name;
  };
  const nameOf = (value: ValueId): string => names.get(value) ?? leaf(value);
  /** A piece of a flat value in a buffer is read at its base, and its attributes are not looked at. */
  const attributesOf = (node: AnyNode): string => {
    const [operand] = node.inputs;
    const whole = node.op !== 'slice' || computed.has(operand!) ? undefined : storage.stored(operand!);
    const piece =
      whole && node.op === 'slice' ? pieceOf(whole.layout, node, typeOf(graph, node.outputs[0]).shape) : undefined;
    return piece ? texts.base(piece.base) : attributesText(node);
  };
  for (const node of sorted) {
    const operands = node.inputs.map(nameOf);
    const results = node.outputs.map((value) => {
      // one of several results may be in a buffer that the kernel reads, beside another that it computes
      if (storage.stored(value) && !computed.has(value)) return nameOf(value);
      const name = `#${names.size}`;
      names.set(value, name);
      return `${name} ${typeText(typeOf(graph, value))}${computed.has(value) ? ` ${placeOf(value)}` : ''}`;
    });
    lines.push(`${results.join(', ')} = ${node.op}(${operands.join(', ')}) ${attributesOf(node)}`);
  }
  for (const { value, into, shift } of outputs) {
    const moved = shift ? ` + ${shift.axis} ${printDim(shift.by)}` : '';
    lines.push(`${nameOf(value)} → ${value === into ? 'itself' : placeOf(into)}${moved}`);
  }
  const makers = [...phases, ...(core ? [core] : [])].map((node) => nameOf(node.outputs[0]!));
  lines.push(`${shapeText(shape)} ${columns} ${core ? `core ${kernel.pass ?? ''}` : 'plain'} ${makers.join(' ')}`);
  return lines.join('\n');
}

const shapeText = (shape: Shape): string => shape.map(printDim).join();

const TYPES = new WeakMap<TensorType, string>();
const ATTRIBUTES = new WeakMap<object, string>();
const PLACES = new WeakMap<Stored, string>();

function remembered<K extends object>(texts: WeakMap<K, string>, key: K, make: (key: K) => string): string {
  const before = texts.get(key);
  if (before !== undefined) return before;
  const text = make(key);
  texts.set(key, text);
  return text;
}

const typeText = (type: TensorType): string =>
  remembered(TYPES, type, ({ dtype, shape }) => `${dtype}[${shapeText(shape)}]`);

const placeText = (stored: Stored): string =>
  remembered(PLACES, stored, ({ element, layout: { shape, strides, offset = 0 }, shards = [], quantised }) =>
    [
      quantised ? JSON.stringify(quantised) : element,
      shapeText(shape),
      shapeText(strides),
      String(offset),
      shards.join(),
    ].join(' '),
  );

const attributesText = ({ attributes }: AnyNode): string =>
  remembered(ATTRIBUTES, attributes, (all) =>
    JSON.stringify(all, (_, value: unknown) => (typeof value === 'number' ? numberText(value) : value)),
  );

/** JSON has no infinities, and one zero. */
const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));
