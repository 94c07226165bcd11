/**
 * An attention kernel that prepares the rows of one new position: which kernels it can take over, and how what they
 * computed is written into it.
 *
 *   many positions      norm, rotary, append of q ‖ k ‖ v  →  attention
 *   one, a decoding step                                      attention with `fresh` rows
 *
 * With many positions each is read by the queries after it, so they have to be in memory first. The plan has both, and
 * the runtime takes one by the number of positions.
 */
import { type Dim, equalDims } from '../../../../shared/dim.ts';
import type { Alternative } from '../../../../shared/webgpu.ts';
import { type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import { type Append, attentionDecode, type Fresh, freshColumns, freshPlace } from '../families/attention-decode.ts';
import type { Profile, Template } from '../families/contract.ts';
import type { Fused } from '../fusion/fuse.ts';
import type { CacheAppend } from '../fusion/options.ts';
import { type FreshRows, type Kernel, kernelsOf } from '../kernel.ts';
import { sizeText } from '../plan/memory.ts';
import { Block, functionOfBlock } from './block.ts';
import type { GraphFacts } from './evaluator.ts';
import { word, ZERO } from './expr.ts';
import { type Expression, element, variable } from './expression.ts';
import { knowFolds, laneFold, serialFold, sharesFolds } from './folds.ts';
import type { InputOutput, KernelInput } from './input.ts';
import { LANE } from './invocation.ts';
import { vectorAlong } from './layout.ts';
import { Name } from './name.ts';
import { axesNamed, extent, maskFunction, resultSink, tensor } from './operands.ts';
import type { Statement } from './statements.ts';
import { KernelWriter } from './writer.ts';

/** Elements of a row, of which workgroup memory has room for four beside what the softmax needs. */
const WIDEST = 512;

type DecodeKernel = Kernel & { readonly fresh: FreshRows };

/** What takes another way where there is one new position. */
export interface Decoding {
  /** attentions that then prepare their rows themselves: for each the kernel that does */
  readonly of: ReadonlyMap<Kernel, DecodeKernel>;
  /** kernels whose work they do */
  readonly taken: ReadonlySet<Kernel>;
  readonly when: NonNullable<Alternative['when']>;
}

export interface DecodeFacts {
  readonly facts: GraphFacts;
  readonly fused: Fused;
  readonly caches: readonly CacheAppend[];
  /** kernels that copy a value to an output */
  readonly copies: readonly Kernel[];
  /** whether a device may bind what the kernel does */
  fits(kernel: Kernel): boolean;
}

/** @param bundles kernels by the dispatch they are in */
export function decodingOf(bundles: readonly (readonly Kernel[])[], context: DecodeFacts): Decoding {
  const found = bundles.flatMap((together): readonly (readonly [Kernel, DecodeKernel])[] => {
    const [kernel] = together as readonly [Kernel];
    const fresh = together.length === 1 ? freshRows(kernel, context) : undefined;
    const made = fresh && { ...kernel, fresh };
    return made && context.fits(made) ? [[kernel, made]] : [];
  });
  // one size decides for the whole entry
  const positions = found[0]?.[1].fresh.key.shape[2] ?? 1;
  const alike = found.filter(([, { fresh }]) => equalDims(fresh.key.shape[2]!, positions));
  const taken = new Set(alike.flatMap(([, { fresh }]) => kernelsOf(fresh)));
  return { of: new Map(alike), taken, when: { size: sizeText(positions), atMost: 1 } };
}

/** The kernels that an attention can take over where there is one query; undefined where it cannot. */
function freshRows(kernel: Kernel, { facts, fused, caches, copies }: DecodeFacts): FreshRows | undefined {
  const { contraction } = kernel;
  if (contraction?.op !== 'attention' || kernel.outputs.some(({ auxiliary }) => auxiliary)) return undefined;
  const [q, k, v] = contraction.inputs as [ValueId, ValueId, ValueId];
  const { graph } = facts;
  const [batch, heads, queries] = typeOf(graph, q).shape as [Dim, Dim, Dim, Dim];
  // what the template of a decoding step does not know
  const { causal: _, scale: __, ...unknown } = contraction.attributes;
  const perQuery = contraction.inputs.some((value, at) => at > 2 && typeOf(graph, value).shape.length !== 2);
  if (Object.keys(unknown).length > 0 || perQuery || !equalDims(typeOf(graph, k).shape[1]!, heads)) return undefined;
  if (typeof queries === 'number' && queries > 1) return undefined;
  if ([q, v].some((value) => Number(typeOf(graph, value).shape[3]) > WIDEST)) return undefined;
  /** What writes new rows [B, H, T, …] into a value that nothing but the attention reads. */
  const writerOf = (value: ValueId): Kernel | undefined => {
    // a second output of the same value is copied from it, as soon as it is there
    if (copies.some(({ outputs }) => outputs[0]!.value === value)) return undefined;
    const [writer, ...others] = fused.kernels.filter(({ outputs }) => outputs.some(({ into }) => into === value));
    if (!writer || others.length > 0 || writer.contraction || writer.outputs.length > 1) return undefined;
    const rows = writer.reductions.length > 0 ? writer.columns === 1 : true;
    const shape = [batch, heads, queries].every((dim, axis) => equalDims(dim, writer.shape[axis]!));
    const readers = fused.readersOf(writer);
    return rows && shape && writer.shape.length === 4 && readers.length === 1 && readers[0] === kernel
      ? writer
      : undefined;
  };
  const appended = (value: ValueId): Kernel | undefined =>
    caches.some(({ present, axis }) => present === value && axis === 2) ? writerOf(value) : undefined;
  const [key, value] = [appended(k), appended(v)];
  if (!key || !value || k === v) return undefined;
  const writer = graph.outputs.some((output) => output.value === q) ? undefined : writerOf(q);
  return { query: writer?.outputs.some((output) => output.value === q) ? writer : undefined, key, value };
}

export function decodeAttention(writer: KernelWriter, node: Node<'attention'>, profile: Profile): Template {
  const { graph } = writer.facts;
  const { query, key, value, pastKeys, pastValues } = writer.kernel.fresh!;
  const [q, , v, mask] = node.inputs as [ValueId, ValueId, ValueId, ValueId?];
  const [batch, heads, queries, width] = typeOf(graph, q).shape as [Dim, Dim, Dim, Dim];
  const valueWidth = Number(typeOf(graph, v).shape[3]);
  const block = new Block(writer.code);
  const [atBatch, atHead] = [block.axis('batch', batch), block.axis('head', heads)];
  block.declare(LANE.name);
  const put = (place: Expression, columns: number, by: KernelInput | undefined): void => {
    const own = by ? new KernelWriter(by, writer.code, writer.suffix) : writer;
    const fold = by && profile === 'gpu' && sharesFolds(own.kernel) ? laneFold : serialFold;
    knowFolds(own, by ? own.kernel.reductions : [], block, fold);
    const body = block.inner();
    const made = by ? by.outputs[0]!.value : q;
    const value = own.evaluator.element(body, made, [atBatch, atHead, ZERO, body.axis('c', columns)]);
    body.assign(freshPlace(profile, place), value);
    block.loop(freshColumns(profile, columns), body);
  };
  const rows = (fresh: Fresh): readonly Statement[] => {
    put(fresh.q, Number(width), query);
    put(fresh.k, Number(width), key);
    put(fresh.v, valueWidth, value);
    return block.statements;
  };
  const axes = axesNamed(writer, node.outputs[0], ['b', 'h', 't', 'e']);
  const store = resultSink(writer, node.outputs[0], axes);
  return attentionDecode({
    batch: extent(writer, batch),
    heads: extent(writer, heads),
    queries: extent(writer, queries),
    keys: extent(writer, typeOf(graph, pastKeys).shape[2]!),
    width: Number(width),
    valueWidth,
    k: tensor(writer, 'k', pastKeys, ['b', 'h', 's', 'd']),
    v: tensor(writer, 'v', pastValues, ['b', 'h', 's', 'e']),
    ...(mask === undefined ? {} : { mask: maskFunction(writer, mask) }),
    scale: node.attributes.scale ?? 1 / Math.sqrt(Number(width)),
    profile,
    out: { store },
    rows,
    appendKey: append(writer, 'append_k', key.outputs[0]!),
    appendValue: append(writer, 'append_v', value.outputs[0]!),
  });
}

/** The function that puts elements of a new row at the end of a cache. */
function append(writer: KernelWriter, hint: string, { to, shift }: InputOutput): Append {
  const { code, evaluator, suffix } = writer;
  const block = new Block(code);
  const [batch, heads, , width] = to.layout.shape as [Dim, Dim, Dim, Dim];
  const [b, h, d] = [block.axis('b', batch), block.axis('h', heads), block.axis('d', width)];
  const index = evaluator.address(to.layout, [b, h, word(code.argument(shift!.by)), d]);
  const vector = vectorAlong(to.layout, 3);
  const value = variable(new Name('value'), vector ? 'vec4f' : 'f32');
  block.declare(value.name);
  if (vector) evaluator.storeFour(block, { stored: to, index }, value);
  else {
    const { name } = code.binding(to.buffer, to.element, 'read_write');
    block.assign(element(name, block.index(index), 'f32'), value);
  }
  const store = new Name(`${hint}${suffix}`);
  const type = vector ? 'vec4f' : 'f32';
  const parameters = [...['b', 'h', 'd'].map((name) => [name, 'u32'] as const), ['value', type] as const];
  code.define(functionOfBlock(store, parameters, block));
  return { store, vector };
}
