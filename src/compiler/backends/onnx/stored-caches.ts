/**
 * Caches that are stored as halves or bytes: the ports have that type, new rows are joined to the past in it, and what the graph
 * reads is cast to f32. A step holds one cache as f32 at a time, where ONNX Runtime frees what was read.
 *
 *     past (FLOAT16) ─┐
 *     new rows ─ Cast ┴ Concat ─▶ present (FLOAT16) ─ Cast ─▶ what attention reads
 */
import type { CachePort } from '../../../shared/artifact.ts';
import type { CacheStorage } from '../../../shared/cache-storage.ts';
import type { AnyNode, Graph, ValueId } from '../../ir/graph.ts';
import type { Emitter } from './emitter.ts';
import { cast } from './lowerings/rule.ts';
import { PACKED_TYPE } from './proto.ts';

export class StoredCaches {
  /** ports that are not f32, by name */
  readonly ports: ReadonlyMap<string, CacheStorage>;
  private readonly emit: Emitter;
  private readonly pasts: ReadonlyMap<ValueId, string>;
  private readonly presents: ReadonlyMap<ValueId, CacheStorage>;
  /** of values that leave as they are stored: the stored ones' names */
  private readonly joined = new Map<ValueId, string>();

  constructor(emit: Emitter, { inputs, outputs }: Graph, cache: readonly CachePort[] = []) {
    this.emit = emit;
    this.ports = new Map(
      cache.flatMap(({ past, present, stored }) =>
        stored
          ? [
              [past, stored],
              [present, stored],
            ]
          : [],
      ),
    );
    this.pasts = new Map(inputs.flatMap(({ name, value }) => (this.ports.has(name) ? [[value, name]] : [])));
    this.presents = new Map(
      outputs.flatMap(({ name, value }) => (this.ports.has(name) ? [[value, this.ports.get(name)!]] : [])),
    );
  }

  /** The name of a past where something other than its concat reads it. */
  widened(value: ValueId, name: string): string {
    return this.pasts.has(value) ? cast(this.emit, name, 'f32') : name;
  }

  /** What a node that appends to a stored cache becomes; undefined for any other. */
  append(node: AnyNode, nameOf: (value: ValueId) => string): string | undefined {
    const [value] = node.outputs;
    const stored = this.presents.get(value);
    const past = this.pasts.get(node.inputs[0]!);
    if (node.op !== 'concat' || stored === undefined || past === undefined) return undefined;
    const fresh = this.narrowed(nameOf(node.inputs[1]!), stored);
    const joined = this.emit.op('Concat', [past, fresh], { axis: node.attributes.axis });
    this.joined.set(value, joined);
    return cast(this.emit, joined, 'f32');
  }

  /** The name under which a value leaves the graph. */
  outputOf(port: string, value: ValueId, name: string): string {
    const stored = this.ports.get(port);
    return stored === undefined ? name : (this.joined.get(value) ?? this.narrowed(name, stored));
  }

  private narrowed(name: string, stored: CacheStorage): string {
    return this.emit.op('Cast', [name], { to: PACKED_TYPE[stored] });
  }
}
