/**
 * An ONNX file as data: its graph, with nothing of its weights in memory but what is small. Numbers of the fields are those of onnx.proto.
 *
 *     ModelProto   graph 7, opset_import 8, functions 25
 *     GraphProto   node 1, name 2, initializer 5, input 11, output 12, sparse_initializer 15
 *     NodeProto    input 1, output 2, name 3, op_type 4, attribute 5, domain 7, metadata_props 9
 */
import { ITEM_BYTES } from '../../runtime/weights/dtypes.ts';
import { readTensor } from '../../runtime/weights/file.ts';
import type { OpenBeside } from '../../runtime/weights/open.ts';
import { readOnnxTensor } from '../../runtime/weights/readers/onnx-tensor.ts';
import { type Field, ProtobufError, ProtobufReader, readVarint } from '../../runtime/weights/readers/protobuf.ts';
import { type StoredView, viewsFile } from '../../runtime/weights/readers/views.ts';
import type { RandomAccess } from '../../runtime/weights/source.ts';
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';

/** A tensor of the file. `host` are its numbers, where they are few. */
export interface FileTensor {
  readonly name: string;
  /** undefined: its numbers cannot be read, and `unread` says why */
  readonly view: StoredView | undefined;
  readonly host: HostTensor | undefined;
  readonly unread?: string;
}

export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: FileTensor }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'graph'; readonly value: FileGraph }
  /** what no operator that is imported takes: lists of graphs, sparse tensors, types */
  | { readonly kind: 'other'; readonly value: undefined };

export interface FileNode {
  readonly name: string;
  /** `Conv`; `com.microsoft.Gelu` of another domain than ONNX's own */
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface FileValue {
  readonly name: string;
  /** TensorProto.DataType; undefined where it is no tensor */
  readonly type: number | undefined;
  /** undefined: any rank. A size, the text of a dim_param, or '' where nothing is said. */
  readonly shape: readonly (number | string)[] | undefined;
}

export interface FileGraph {
  readonly name: string;
  readonly nodes: readonly FileNode[];
  readonly initialisers: ReadonlyMap<string, FileTensor>;
  readonly inputs: readonly FileValue[];
  readonly outputs: readonly FileValue[];
  readonly sparse: boolean;
}

export interface FileModel {
  /** version of ONNX's own operators */
  readonly opset: number;
  readonly graph: FileGraph;
  /** names of functions that the file itself defines, as `domain.name` */
  readonly functions: ReadonlySet<string>;
}

const LONGEST_TEXT = 1 << 16;
const MOST_NODES = 1 << 18;
const DEEPEST = 16;
const MOST_ITEMS = 1 << 16;
/** Elements of a tensor that is read at once; what graphs compute shapes with is smaller. */
const SMALL = 4096;
/** Elements of all tensors that are read so. */
const MOST_SMALL = 1 << 22;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export async function readModel(source: RandomAccess, open: OpenBeside): Promise<FileModel> {
  return new ModelReader(source, open).model();
}

class ModelReader {
  private readonly source: RandomAccess;
  private readonly open: OpenBeside;
  private readonly reader: ProtobufReader;
  private budget = MOST_SMALL;
  private nodes = 0;

  constructor(source: RandomAccess, open: OpenBeside) {
    this.source = source;
    this.open = open;
    this.reader = new ProtobufReader(source);
  }

  async model(): Promise<FileModel> {
    let graph: FileGraph | undefined;
    let opset: number | undefined;
    const functions = new Set<string>();
    for await (const field of this.reader.fields(0, this.source.size)) {
      if (field.number === 7) graph = await this.graph(message(field));
      else if (field.number === 25) functions.add(await this.functionName(message(field)));
      else if (field.number === 8) {
        const { domain, version } = await this.opset(message(field));
        if (domain === '' || domain === 'ai.onnx') opset = version;
      }
    }
    if (!graph) throw new ProtobufError('it has no graph');
    if (opset === undefined) throw new ProtobufError('it does not say which version of ONNX its operators are of');
    return { opset, graph, functions };
  }

  private async opset({ from, to }: Field): Promise<{ readonly domain: string; readonly version: number }> {
    let [domain, version] = ['', 0];
    for await (const field of this.reader.fields(from, to)) {
      if (field.number === 1) domain = await this.text(field);
      else if (field.number === 2) version = Number(field.value);
    }
    return { domain, version };
  }

  /** FunctionProto: name 1, domain 10 */
  private async functionName({ from, to }: Field): Promise<string> {
    let [name, domain] = ['', ''];
    for await (const field of this.reader.fields(from, to)) {
      if (field.number === 1) name = await this.text(field);
      else if (field.number === 10) domain = await this.text(field);
    }
    return qualified(domain, name);
  }

  private async graph({ from, to }: Field, depth = 0): Promise<FileGraph> {
    if (depth > DEEPEST) throw new ProtobufError(`graphs nest more than ${DEEPEST} levels`);
    const nodes: FileNode[] = [];
    const initialisers = new Map<string, FileTensor>();
    const [inputs, outputs]: [FileValue[], FileValue[]] = [[], []];
    let [name, sparse] = ['', false];
    for await (const field of this.reader.fields(from, to)) {
      if (field.number === 1) {
        if (this.nodes++ === MOST_NODES) throw new ProtobufError(`it has more than ${MOST_NODES} nodes`);
        nodes.push(await this.node(message(field), depth));
      } else if (field.number === 2) name = await this.text(field);
      else if (field.number === 5) {
        const tensor = await this.tensor(message(field));
        if (initialisers.has(tensor.name))
          throw new ProtobufError(`it has two initialisers called ${JSON.stringify(tensor.name)}`);
        initialisers.set(tensor.name, tensor);
      } else if (field.number === 11) inputs.push(await this.value(message(field)));
      else if (field.number === 12) outputs.push(await this.value(message(field)));
      else if (field.number === 15) sparse = true;
    }
    return { name, nodes, initialisers, inputs, outputs, sparse };
  }

  private async node({ from, to }: Field, depth: number): Promise<FileNode> {
    const [inputs, outputs]: [string[], string[]] = [[], []];
    const attributes = new Map<string, AttributeValue>();
    const metadata = new Map<string, string>();
    let [name, op, domain] = ['', '', ''];
    for await (const field of this.reader.fields(from, to)) {
      if (field.number === 1) inputs.push(await this.text(field));
      else if (field.number === 2) outputs.push(await this.text(field));
      else if (field.number === 3) name = await this.text(field);
      else if (field.number === 4) op = await this.text(field);
      else if (field.number === 5) attributes.set(...(await this.attribute(message(field), depth)));
      else if (field.number === 7) domain = await this.text(field);
      else if (field.number === 9) metadata.set(...(await this.pair(message(field))));
    }
    return { name, op: qualified(domain, op), inputs, outputs, attributes, metadata };
  }

  private async pair({ from, to }: Field): Promise<[string, string]> {
    let [key, value] = ['', ''];
    for await (const field of this.reader.fields(from, to)) {
      if (field.number === 1) key = await this.text(field);
      else if (field.number === 2) value = await this.text(field);
    }
    return [key, value];
  }

  /** AttributeProto: name 1, f 2, i 3, s 4, t 5, g 6, floats 7, ints 8, strings 9, type 20 */
  private async attribute({ from, to }: Field, depth: number): Promise<[string, AttributeValue]> {
    const [floats, ints, strings]: [number[], number[], string[]] = [[], [], []];
    let [name, type, float, int, string] = ['', 0, 0, 0, ''];
    let [tensor, graph]: [FileTensor | undefined, FileGraph | undefined] = [undefined, undefined];
    for await (const field of this.reader.fields(from, to)) {
      if (field.number === 1) name = await this.text(field);
      else if (field.number === 2) [float] = (await this.floats(field)) as [number];
      else if (field.number === 3) int = whole(field.value);
      else if (field.number === 4) string = await this.text(field);
      else if (field.number === 5) tensor = await this.tensor(message(field));
      else if (field.number === 6) graph = await this.graph(message(field), depth + 1);
      else if (field.number === 7) floats.push(...(await this.floats(field)));
      else if (field.number === 8) ints.push(...(await this.ints(field)));
      else if (field.number === 9) strings.push(await this.text(field));
      else if (field.number === 20) type = Number(field.value);
      if (Math.max(floats.length, ints.length, strings.length) > MOST_ITEMS)
        throw new ProtobufError(`the attribute ${JSON.stringify(name)} has more than ${MOST_ITEMS} items`);
    }
    const of: readonly (AttributeValue | undefined)[] = [
      undefined,
      { kind: 'float', value: float },
      { kind: 'int', value: int },
      { kind: 'string', value: string },
      tensor && { kind: 'tensor', value: tensor },
      graph && { kind: 'graph', value: graph },
      { kind: 'floats', value: floats },
      { kind: 'ints', value: ints },
      { kind: 'strings', value: strings },
    ];
    return [name, of[type] ?? { kind: 'other', value: undefined }];
  }

  /** ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1, dim_param 2 } } } } */
  private async value({ from, to }: Field): Promise<FileValue> {
    let [name, type]: [string, number | undefined] = ['', undefined];
    let shape: (number | string)[] | undefined;
    for await (const outer of this.reader.fields(from, to)) {
      if (outer.number === 1) name = await this.text(outer);
      if (outer.number !== 2) continue;
      for await (const kind of this.reader.fields(message(outer).from, outer.to)) {
        if (kind.number !== 1) continue;
        for await (const field of this.reader.fields(message(kind).from, kind.to)) {
          if (field.number === 1) type = Number(field.value);
          if (field.number !== 2) continue;
          shape = [];
          for await (const dim of this.reader.fields(message(field).from, field.to))
            if (dim.number === 1) shape.push(await this.dim(message(dim)));
          if (shape.length > 64) throw new ProtobufError(`${JSON.stringify(name)} has more than 64 axes`);
        }
      }
    }
    return { name, type, shape };
  }

  private async dim({ from, to }: Field): Promise<number | string> {
    let size: number | string = '';
    for await (const field of this.reader.fields(from, to)) {
      if (field.number === 1) size = whole(field.value);
      else if (field.number === 2) size = await this.text(field);
    }
    return typeof size === 'number' && size < 0 ? '' : size;
  }

  private async tensor(field: Field): Promise<FileTensor> {
    try {
      const { name, view } = await readOnnxTensor(this.reader, field, this.source, this.open);
      const count = sizeOf(view.shape);
      if (count > SMALL || count > this.budget) return { name, view, host: undefined };
      this.budget -= count;
      const file = viewsFile(
        { name: this.source.name, format: 'ONNX', metadata: new Map() },
        new Map([[name, view]]),
        async () => {},
      );
      return { name, view, host: await readTensor(file, name) };
    } catch (error) {
      // a dtype that weights cannot have: the node that reads the tensor is refused
      if (!(error instanceof Error && 'code' in error && error.code === 'R0106')) throw error;
      return { name: await this.tensorName(field), view: undefined, host: undefined, unread: error.message };
    }
  }

  private async tensorName({ from, to }: Field): Promise<string> {
    for await (const field of this.reader.fields(from, to)) if (field.number === 8) return this.text(field);
    return '';
  }

  private async text(field: Field): Promise<string> {
    return UTF8.decode(await this.reader.content(message(field), LONGEST_TEXT));
  }

  private async floats(field: Field): Promise<number[]> {
    const bytes = await this.reader.content(field, 4 * MOST_ITEMS);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length / ITEM_BYTES.F32 }, (_, index) => view.getFloat32(4 * index, true));
  }

  private async ints(field: Field): Promise<number[]> {
    if (field.wire === 0) return [whole(field.value)];
    const bytes = await this.reader.content(field, 10 * MOST_ITEMS);
    const found: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const { value, bytes: length } = readVarint(bytes, at);
      found.push(whole(value));
      at += length;
    }
    return found;
  }
}

/** An int64, which past 2^53 stands for "as far as it goes". */
function whole(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

function qualified(domain: string, name: string): string {
  return domain === '' || domain === 'ai.onnx' ? name : `${domain}.${name}`;
}

/** @throws ProtobufError for a field that is no message */
function message(field: Field): Field {
  if (field.wire !== 2) throw new ProtobufError(`field ${field.number} is no message`);
  return field;
}
