/**
 * The initialisers of an ONNX model (onnx.proto), those of its subgraphs too, by their names: inside of the file or in files
 * beside it.
 *
 *     ModelProto { graph = 7 }    GraphProto { node = 1, initializer = 5, sparse_initializer = 15 }
 *     NodeProto { attribute = 5 }    AttributeProto { g = 6, graphs = 11 }
 */
import { runtimeError } from '../../errors.ts';
import type { WeightsFile } from '../file.ts';
import type { OpenBeside } from '../open.ts';
import type { RandomAccess } from '../source.ts';
import { readOnnxTensor } from './onnx-tensor.ts';
import { type Field, ProtobufError, ProtobufReader } from './protobuf.ts';
import { type StoredView, viewsFile } from './views.ts';

const DEEPEST = 16;
const MOST_TENSORS = 1 << 20;
/** Bytes of a producer's name that are kept. */
const LONGEST_NOTE = 1000;
const NOTES: ReadonlyMap<number, string> = new Map([
  [2, 'producer_name'],
  [3, 'producer_version'],
  [4, 'domain'],
]);

/** @throws RuntimeError R0104, R0106, R0107, R0113, R0118, R1180, R1187 */
export async function openOnnx(source: RandomAccess, beside: OpenBeside): Promise<WeightsFile> {
  const opened = new Map<string, RandomAccess>();
  const open = async (location: string): Promise<RandomAccess> => {
    const found = opened.get(location) ?? (await beside(location));
    opened.set(location, found);
    return found;
  };
  const closeAll = async (): Promise<void> => {
    for (const file of opened.values()) await file.close?.();
  };
  const walk = new Walk(source, open);
  try {
    await walk.model();
  } catch (error) {
    await closeAll();
    const { name: file } = source;
    if (error instanceof ProtobufError || error instanceof TypeError)
      throw runtimeError(
        'file_damaged',
        { file, format: 'an ONNX model', reason: error instanceof TypeError ? 'a name is no UTF-8' : error.message },
        error,
      );
    throw error;
  }
  return viewsFile({ name: source.name, format: 'ONNX', metadata: walk.metadata }, walk.tensors, async () => {
    await closeAll();
    await source.close?.();
  });
}

class Walk {
  readonly tensors = new Map<string, StoredView>();
  readonly metadata = new Map<string, string>();
  private readonly source: RandomAccess;
  private readonly open: OpenBeside;
  private readonly reader: ProtobufReader;

  constructor(source: RandomAccess, open: OpenBeside) {
    this.source = source;
    this.open = open;
    this.reader = new ProtobufReader(source);
  }

  async model(): Promise<void> {
    for await (const field of this.reader.fields(0, this.source.size)) {
      const note = NOTES.get(field.number);
      if (field.number === 7) await this.graph(message(field), 0);
      else if (note !== undefined)
        this.metadata.set(note, new TextDecoder().decode(await this.reader.content(message(field), LONGEST_NOTE)));
    }
  }

  private async graph({ from, to }: Field, depth: number): Promise<void> {
    if (depth > DEEPEST) throw new ProtobufError(`graphs nest more than ${DEEPEST} levels`);
    for await (const field of this.reader.fields(from, to)) {
      if (field.number === 1) await this.node(message(field), depth);
      else if (field.number === 15) throw new ProtobufError('it has sparse initialisers, which are not read');
      else if (field.number === 5) {
        const { name, view } = await readOnnxTensor(this.reader, message(field), this.source, this.open);
        if (this.tensors.has(name)) throw runtimeError('header_key_twice', { file: this.source.name, key: name });
        if (this.tensors.size >= MOST_TENSORS) throw new ProtobufError(`it has more than ${MOST_TENSORS} initialisers`);
        this.tensors.set(name, view);
      }
    }
  }

  private async node({ from, to }: Field, depth: number): Promise<void> {
    for await (const attribute of this.reader.fields(from, to)) {
      if (attribute.number !== 5) continue;
      const { from: begin, to: end } = message(attribute);
      for await (const field of this.reader.fields(begin, end))
        if (field.number === 6 || field.number === 11) await this.graph(message(field), depth + 1);
    }
  }
}

/** @throws ProtobufError for a field that is no message */
function message(field: Field): Field {
  if (field.wire !== 2) throw new ProtobufError(`field ${field.number} is no message`);
  return field;
}
