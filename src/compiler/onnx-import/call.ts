/** A node of the file while it is imported: its operands, and its attributes, each of which has to be asked for. */
import { type Dim, isSymbolic, printDim, printShape, type Shape, symbolsOf } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { TensorType, ValueId } from '../ir/graph.ts';
import type { OpAttributes, OpName } from '../ops/attributes.ts';
import type { Importer } from './importer.ts';
import { Refusal } from './problems.ts';
import type { AttributeValue, FileGraph, FileNode } from './proto.ts';
import { fromHost, type Imported, isConcrete, type Known, type Stored } from './values.ts';

/** What an operator of ONNX becomes: its outputs, in order. */
export type Rule = (c: Call) => readonly Imported[];

export class Call {
  readonly importer: Importer;
  readonly node: FileNode;
  readonly opset: number;
  readonly inputs: readonly (Imported | undefined)[];
  /** how often the file uses the value of an operand */
  readonly usesOf: (index: number) => { readonly all: number; readonly asMatrix: number };
  private readonly asked = new Set<string>();

  constructor(
    importer: Importer,
    node: FileNode,
    opset: number,
    inputs: readonly (Imported | undefined)[],
    usesOf: Call['usesOf'],
  ) {
    this.importer = importer;
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.usesOf = usesOf;
  }

  fail(why: string): never {
    throw new Refusal(why);
  }

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  input(index: number): Imported {
    return this.inputs[index] ?? this.fail(`its operand ${index} is missing`);
  }

  type(index: number): TensorType {
    return this.importer.typeOf(this.input(index));
  }

  shape(index: number): Shape {
    return this.type(index).shape;
  }

  rank(index: number): number {
    return this.shape(index).length;
  }

  /** The operand in the graph. */
  tensor(index: number, dtype?: DType): ValueId {
    const found = this.type(index).dtype;
    if (dtype !== undefined && found !== dtype)
      this.fail(`its operand ${index} is of ${NAMES[found]}, and MDL's is of ${NAMES[dtype]}`);
    return this.importer.tensor(this.input(index));
  }

  /** The operand as a tensor of the file, also where its numbers are few and known. */
  held(index: number): Stored | undefined {
    const value = this.inputs[index];
    if (value?.kind === 'stored') return value;
    if (value?.kind !== 'known' || !value.tensor?.view || value.shape.length === 0) return undefined;
    const { tensor, dtype, shape } = value;
    return { kind: 'stored', tensor, dtype, shape, trains: false, turned: false };
  }

  /** A weight of the operator: it trains, whether the file has it as an initialiser or as a constant. */
  weight(index: number): ValueId {
    const held = this.held(index);
    return held?.dtype === 'f32' ? this.importer.tensor({ ...held, trains: true }) : this.tensor(index, 'f32');
  }

  /** The operand's numbers, where they are known before the graph runs. */
  maybeKnown(index: number): Known | undefined {
    const value = this.inputs[index];
    if (value?.kind === 'known') return value;
    if (value?.kind === 'stored' && value.tensor.host && !value.turned) return fromHost(value.tensor.host);
    return undefined;
  }

  known(index: number): Known {
    return (
      this.maybeKnown(index) ??
      this.fail(`its operand ${index} is computed, and MDL needs it when the model is compiled`)
    );
  }

  dims(index: number): readonly Dim[] {
    return this.known(index).items;
  }

  numbers(index: number): readonly number[] {
    const { items } = this.known(index);
    if (isConcrete(items)) return items;
    return this.fail(`its operand ${index} depends on a dynamic size, and MDL needs a number`);
  }

  number(index: number): number {
    const items = this.numbers(index);
    return items.length === 1
      ? items[0]!
      : this.fail(`its operand ${index} has ${items.length} elements, and one is expected`);
  }

  static(dim: Dim, what: string): number {
    if (!isSymbolic(dim)) return dim;
    return this.fail(
      `${what} is ${printDim(dim)}, and MDL needs a number: fix it with --dim ${symbolsOf(dim)[0]}=SIZE`,
    );
  }

  axis(value: number, rank: number): number {
    const axis = value < 0 ? value + rank : value;
    if (Number.isInteger(axis) && axis >= 0 && axis < rank) return axis;
    return this.fail(`axis ${value} is outside of a tensor of ${rank} axes`);
  }

  axes(values: readonly number[], rank: number): number[] {
    return [...new Set(values.map((axis) => this.axis(axis, rank)))].sort((a, b) => a - b);
  }

  // ── attributes ────────────────────────────────────────────────────────────────────────────────
  private attribute<K extends AttributeValue['kind']>(
    name: string,
    kind: K,
  ): Extract<AttributeValue, { kind: K }> | undefined {
    this.asked.add(name);
    const found = this.node.attributes.get(name);
    if (!found) return undefined;
    if (found.kind === kind) return found as Extract<AttributeValue, { kind: K }>;
    return this.fail(`its attribute ${name} has another type than ONNX gives it`);
  }

  given(name: string): boolean {
    return this.node.attributes.has(name);
  }

  int(name: string, fallback: number): number {
    return this.attribute(name, 'int')?.value ?? fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.int(name, fallback ? 1 : 0) !== 0;
  }

  float(name: string, fallback: number): number {
    return this.attribute(name, 'float')?.value ?? fallback;
  }

  string(name: string, fallback: string): string {
    return this.attribute(name, 'string')?.value ?? fallback;
  }

  intList(name: string): readonly number[] | undefined {
    return this.attribute(name, 'ints')?.value;
  }

  floatList(name: string): readonly number[] | undefined {
    return this.attribute(name, 'floats')?.value;
  }

  stringList(name: string): readonly string[] | undefined {
    return this.attribute(name, 'strings')?.value;
  }

  tensorAttribute(name: string): Extract<AttributeValue, { kind: 'tensor' }> | undefined {
    return this.attribute(name, 'tensor');
  }

  graph(name: string): FileGraph {
    return this.attribute(name, 'graph')?.value ?? this.fail(`it has no ${name}`);
  }

  /** An attribute that has one value which MDL's op means. */
  only(name: string, meant: string | number): void {
    this.asked.add(name);
    const found = this.node.attributes.get(name);
    if (found && found.value !== meant)
      this.fail(`its attribute ${name} is ${print(found)}, and only ${meant} is read`);
  }

  /** An attribute that says nothing about what an inference computes. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.asked.add(name);
  }

  /** Attributes that the rule did not ask for. */
  get unasked(): readonly string[] {
    return [...this.node.attributes.keys()].filter((name) => !this.asked.has(name));
  }

  // ── results ───────────────────────────────────────────────────────────────────────────────────
  emit<N extends OpName>(op: N, inputs: readonly ValueId[], attributes: OpAttributes[N]): ValueId {
    return this.importer.emit(op, inputs, attributes);
  }

  made(...ids: readonly ValueId[]): readonly Imported[] {
    return ids.map((id) => ({ kind: 'made', id }));
  }

  shapeOf(id: ValueId): Shape {
    return this.importer.builder.typeOf(id).shape;
  }

  print(index: number): string {
    return printShape(this.shape(index));
  }
}

const NAMES: { readonly [D in DType]: string } = { f32: 'floats', i64: 'integers', bool: 'booleans' };

function print(value: AttributeValue): string {
  if (value.kind === 'tensor' || value.kind === 'graph' || value.kind === 'other') return `a ${value.kind}`;
  return JSON.stringify(value.value).slice(0, 80);
}
