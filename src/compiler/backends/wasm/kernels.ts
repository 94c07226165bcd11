/**
 * Graphs of arithmetic on tensors of one size, as WebAssembly: an optimiser's update in one pass over memory, in place.
 *
 *   p, g, m, v ─ 15 ops ─▶ p, m, v      ONNX Runtime: 15 passes over memory, and a copy of each result
 *                                        here: each vector of four is loaded once and stored once
 *
 * Tensors that the ops connect are a kernel's; those of rank 0 are its arguments. Kernels with the same code are one
 * function, which is called for each. Every operation is IEEE 754's on f32, in the order of the graph, as in ONNX Runtime.
 */
import type { KernelCall } from '../../../shared/artifact.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../ir/graph.ts';
import { type Bytes, encodeModule, f32Bytes, flat, unsigned, type ValueType, type WasmFunction } from './encode.ts';

export interface WasmKernels {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** in any order: no two write the same tensor */
  readonly calls: readonly KernelCall[];
}

/** An op on numbers, on vectors of four, and how it reads its operands where that is not all there is to it. */
interface Instructions {
  readonly scalar?: Bytes;
  readonly vector?: Bytes;
}

const simd = (code: number): Bytes => [0xfd, unsigned(code)];
const CALL_TANH: Bytes = [0x10, unsigned(0)];
const SPLAT = simd(0x13);
/** A mask of lanes and the bits of 1: 1 where the lane is set, else 0. */
const MASK_TO_ONES: Bytes = [[0x43, f32Bytes(1)], SPLAT, simd(0x4e)];

/** The ops that optimisers are made of. A graph with another stays with its target. */
const INSTRUCTIONS: { readonly [op: string]: Instructions } = {
  add: { scalar: [0x92], vector: simd(0xe4) },
  sub: { scalar: [0x93], vector: simd(0xe5) },
  mul: { scalar: [0x94], vector: simd(0xe6) },
  div: { scalar: [0x95], vector: simd(0xe7) },
  sqrt: { scalar: [0x91], vector: simd(0xe3) },
  tanh: { scalar: CALL_TANH },
  less: { vector: simd(0x43) },
  cast: { vector: MASK_TO_ONES },
};

const LOAD = [...flat(simd(0x00)), 4, 0]; // aligned to 16 bytes, no offset
const STORE = [...flat(simd(0x0b)), 4, 0];
const get = (local: number): Bytes => [0x20, unsigned(local)];
const set = (local: number): Bytes => [0x21, unsigned(local)];

/**
 * @param over for an output the input whose memory it takes
 * @returns undefined where the graph has more than this can say: another op, tensors of several sizes in one kernel, an
 * output of rank 0 or one that takes no input's place
 */
export function wasmKernels(graph: Graph, over: (output: string) => string | undefined): WasmKernels | undefined {
  if (graph.outputs.some(({ value }) => isScalar(graph, value))) return undefined;
  const parts = connected(graph);
  const facts: Facts = {
    graph,
    producers: new Map(graph.nodes.map((node) => [node.outputs[0], node])),
    constants: new Map(graph.constants.map(({ value, tensor }) => [value, Number(tensor.data[0])])),
  };
  const functions = new Map<string, WasmFunction>();
  const calls: KernelCall[] = [];
  for (const part of parts) {
    const kernel = new KernelWriter(facts, part, over).write();
    if (!kernel) return undefined;
    const { tensors, scalars, elements, code } = kernel;
    const key = JSON.stringify(code);
    const known = functions.get(key) ?? { name: `kernel_${functions.size}`, ...code };
    functions.set(key, known);
    calls.push({ kernel: known.name, tensors, scalars, elements });
  }
  return { bytes: encodeModule({ module: 'host', functions: ['tanh'] }, [...functions.values()]), calls };
}

/** Of the whole graph, for each of its kernels. */
interface Facts {
  readonly graph: Graph;
  readonly producers: ReadonlyMap<ValueId, AnyNode>;
  /** first elements: those of rank 0 have one */
  readonly constants: ReadonlyMap<ValueId, number>;
}

interface Part {
  readonly inputs: readonly { readonly name: string; readonly value: ValueId }[];
  readonly outputs: readonly { readonly name: string; readonly value: ValueId }[];
  /** on tensors, in the graph's order */
  readonly nodes: readonly AnyNode[];
}

const isScalar = (graph: Graph, value: ValueId): boolean => typeOf(graph, value).shape.length === 0;

/** The tensors above rank 0, by which of them ops connect. */
function connected(graph: Graph): readonly Part[] {
  const parent = new Map<ValueId, ValueId>();
  const rootOf = (value: ValueId): ValueId => {
    const up = parent.get(value);
    if (up === undefined) return value;
    const root = rootOf(up);
    parent.set(value, root);
    return root;
  };
  for (const node of graph.nodes) {
    const [first, ...others] = [...node.inputs, ...node.outputs].filter((value) => !isScalar(graph, value));
    for (const value of others) {
      const [one, other] = [rootOf(first!), rootOf(value)];
      if (one !== other) parent.set(other, one);
    }
  }
  type Growing = { [K in keyof Part]: Part[K][number][] };
  const parts = new Map<ValueId, Growing>();
  const partOf = (value: ValueId): Growing => {
    const root = rootOf(value);
    const part = parts.get(root) ?? { inputs: [], outputs: [], nodes: [] };
    parts.set(root, part);
    return part;
  };
  const tensors = <T extends { readonly value: ValueId }>(all: readonly T[]): readonly T[] =>
    all.filter(({ value }) => !isScalar(graph, value));
  for (const input of tensors(graph.inputs)) partOf(input.value).inputs.push(input);
  for (const output of tensors(graph.outputs)) partOf(output.value).outputs.push(output);
  for (const node of graph.nodes) if (!isScalar(graph, node.outputs[0])) partOf(node.outputs[0]).nodes.push(node);
  return [...parts.values()];
}

interface Kernel {
  readonly tensors: KernelCall['tensors'];
  readonly scalars: readonly string[];
  readonly elements: number;
  readonly code: Omit<WasmFunction, 'name'>;
}

/** One kernel: addresses, then how many bytes, then numbers are its parameters. */
class KernelWriter {
  private readonly graph: Graph;
  private readonly part: Part;
  private readonly over: (output: string) => string | undefined;
  private readonly producers: Facts['producers'];
  private readonly constants: Facts['constants'];
  private readonly locals: ValueType[] = [];
  /** locals of numbers and of vectors, by value */
  private readonly numbers = new Map<ValueId, number>();
  private readonly vectors = new Map<ValueId, number>();
  private readonly before: Bytes[] = [];
  private readonly inLoop: Bytes[] = [];
  private parameters = 0;

  constructor({ graph, producers, constants }: Facts, part: Part, over: (output: string) => string | undefined) {
    this.graph = graph;
    this.part = part;
    this.over = over;
    this.producers = producers;
    this.constants = constants;
  }

  write(): Kernel | undefined {
    const { graph, part } = this;
    const [first] = part.inputs;
    if (!first || graph.parameters.length > 0) return undefined;
    const { shape } = typeOf(graph, first.value);
    if (!shape.every((dim) => typeof dim === 'number')) return undefined;
    const elements = sizeOf(shape as readonly number[]);
    const fits = (value: ValueId): boolean => JSON.stringify(typeOf(graph, value).shape) === JSON.stringify(shape);
    const isF32 = (value: ValueId): boolean => typeOf(graph, value).dtype === 'f32';
    const ports = [...part.inputs, ...part.outputs];
    if (!ports.every(({ value }) => isF32(value)) || !part.nodes.flatMap((node) => [...node.outputs]).every(fits))
      return undefined;
    if (!part.inputs.every(({ value }) => fits(value))) return undefined;

    const scalars = this.scalarInputs();
    const bytes = part.inputs.length;
    this.parameters = bytes + 1 + scalars.length;
    for (const [index, { value }] of scalars.entries()) this.numbers.set(value, bytes + 1 + index);
    const at = this.local('i32');
    const address = (pointer: number): Bytes => [get(pointer), get(at), 0x6a];
    for (const [pointer, { value }] of part.inputs.entries()) {
      const vector = this.local('v128');
      this.vectors.set(value, vector);
      this.inLoop.push(address(pointer), LOAD, set(vector));
    }
    for (const node of part.nodes) if (!this.vectorOf(node)) return undefined;
    const places = part.outputs.map(({ name }) => part.inputs.findIndex((input) => input.name === this.over(name)));
    if (places.includes(-1) || new Set(places).size < places.length) return undefined;
    for (const [index, { value }] of part.outputs.entries()) {
      const vector = this.vector(value);
      if (vector === undefined) return undefined;
      this.inLoop.push(address(places[index]!), get(vector), STORE);
    }
    const body: Bytes = [
      this.before,
      [0x02, 0x40], // block
      [get(bytes), 0x45, 0x0d, 0], // leave where there is no byte
      [0x03, 0x40], // loop
      this.inLoop,
      [get(at), 0x41, 16, 0x6a, 0x22, unsigned(at)],
      [get(bytes), 0x49, 0x0d, 0], // again while below
      [0x0b, 0x0b],
    ];
    const outputOf = new Map(places.map((place, index) => [place, part.outputs[index]!.name]));
    return {
      tensors: part.inputs.map(({ name }, index) => {
        const output = outputOf.get(index);
        return { input: name, ...(output === undefined ? {} : { output }) };
      }),
      scalars: scalars.map(({ name }) => name),
      elements,
      code: {
        parameters: [...part.inputs.map((): ValueType => 'i32'), 'i32', ...scalars.map((): ValueType => 'f32')],
        locals: this.locals,
        body: flat(body),
      },
    };
  }

  /** Inputs of rank 0 that the kernel's numbers come from, in the order of the graph. */
  private scalarInputs(): Part['inputs'] {
    const needed = new Set<ValueId>();
    const open = this.part.nodes.flatMap((node) => [...node.inputs]);
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      if (!isScalar(this.graph, value) || needed.has(value)) continue;
      needed.add(value);
      const node = this.producers.get(value);
      if (node) open.push(...node.inputs);
    }
    return this.graph.inputs.filter(({ value }) => needed.has(value));
  }

  private local(type: ValueType): number {
    this.locals.push(type);
    return this.parameters + this.locals.length - 1;
  }

  /** The local of a number, computed before the loop. */
  private number(value: ValueId): number | undefined {
    const known = this.numbers.get(value);
    if (known !== undefined) return known;
    const code = this.numberCode(value);
    if (!code) return undefined;
    const local = this.local('f32');
    this.before.push(code, set(local));
    this.numbers.set(value, local);
    return local;
  }

  private numberCode(value: ValueId): Bytes | undefined {
    if (typeOf(this.graph, value).dtype !== 'f32') return undefined;
    const constant = this.constants.get(value);
    if (constant !== undefined) return [0x43, f32Bytes(constant)];
    const node = this.producers.get(value);
    const code = node && instructionsOf(node)?.scalar;
    if (!node || !code) return undefined;
    const operands = [...node.inputs].map((operand) => this.number(operand));
    return operands.includes(undefined) ? undefined : [operands.map((operand) => get(operand!)), code];
  }

  /** The local of a vector: of a tensor the four elements at hand, of a number the number four times. */
  private vector(value: ValueId): number | undefined {
    const known = this.vectors.get(value);
    if (known !== undefined) return known;
    const number = isScalar(this.graph, value) ? this.number(value) : undefined;
    if (number === undefined) return undefined;
    const local = this.local('v128');
    this.before.push(get(number), SPLAT, set(local));
    this.vectors.set(value, local);
    return local;
  }

  private vectorOf(node: AnyNode): boolean {
    const code = instructionsOf(node)?.vector;
    // what is cast is a mask, which only a comparison gives
    if (node.op === 'cast' && this.producers.get(node.inputs[0])?.op !== 'less') return false;
    const operands = [...node.inputs].map((operand) => this.vector(operand));
    if (!code || operands.includes(undefined)) return false;
    const local = this.local('v128');
    this.inLoop.push(
      operands.map((operand) => get(operand!)),
      code,
      set(local),
    );
    this.vectors.set(node.outputs[0], local);
    return true;
  }
}

function instructionsOf(node: AnyNode): Instructions | undefined {
  return Object.hasOwn(INSTRUCTIONS, node.op) ? INSTRUCTIONS[node.op] : undefined;
}
