/**
 * `mdl compile --cache-dtype`: keys and values of a cache in fewer bytes. What is stored is rounded, and attention reads the
 * rounded values of new rows too, so that a prompt in one piece, in parts or token by token gives the same.
 *
 *     f16     present = past ‖ round_f16(x)                                   what is read: present
 *     int8    scale[b, h, t] = max |x[b, h, t, :]| / 127                      a cache of its own, [B, heads, P, 1], f32
 *             present = past ‖ round(x / scale), whole numbers in ±127        what is read: present · scales
 *
 * A row of zeros has scale 0 and is read as zeros; one with a NaN or an infinity is read as NaN. The graph stays one of f32: which
 * bytes a port has is `CachePort.stored`.
 */
import type { CachePort } from '../shared/artifact.ts';
import type { CacheStorage } from '../shared/cache-storage.ts';
import { GraphEditor } from './ir/editor.ts';
import { type AnyNode, type Graph, type Node, type Origin, typeOf, type ValueId } from './ir/graph.ts';

/** The largest code. */
const LARGEST = 127;

export interface CachedGraph {
  readonly graph: Graph;
  readonly cache: readonly CachePort[];
}

/** The concat that appends new rows to a cache: [past, new rows]. */
export type Append = Node<'concat'> & { readonly inputs: readonly [past: ValueId, fresh: ValueId] };

export function appendOf({ inputs, outputs, nodes }: Graph, { past, present }: CachePort): Append | undefined {
  const before = inputs.find(({ name }) => name === past)?.value;
  const after = outputs.find(({ name }) => name === present)?.value;
  const found = nodes.find((node) => node.outputs[0] === after);
  return found?.op === 'concat' && found.inputs.length === 2 && found.inputs[0] === before
    ? (found as Append)
    : undefined;
}

/** The graph of an entry as it was traced, with its caches stored so. */
export function storedCaches({ graph, cache }: CachedGraph, stored: CacheStorage): CachedGraph {
  const appends = new Map<AnyNode, CachePort>(cache.map((port) => [appendOf(graph, port)!, port]));
  const editor = new GraphEditor(graph, { nodes: 'none' });
  const codes = new Map<string, ValueId>();
  const ports: CachePort[] = [];
  for (const node of graph.nodes) {
    const port = appends.get(node);
    if (!port) editor.keep(node);
    else if (stored === 'f16') {
      const [past, fresh] = (node as Append).inputs;
      const { origin } = node;
      const rounded = editor.node('round_f16', [fresh], {}, { origin });
      editor.node('concat', [past, rounded], { axis: port.axis }, { origin, as: node.outputs });
      ports.push({ ...port, stored });
    } else {
      const made = appendCodes(editor, graph, node as Append, port);
      codes.set(port.present, made.codes);
      ports.push({ ...port, stored }, made.scales);
    }
  }
  return { graph: withCodes(editor.build(), codes), cache: ports };
}

/** Where values left the graph, their codes do. */
const withCodes = (graph: Graph, codes: ReadonlyMap<string, ValueId>): Graph => ({
  ...graph,
  outputs: graph.outputs.map(({ name, value }) => ({ name, value: codes.get(name) ?? value })),
});

function appendCodes(editor: GraphEditor, graph: Graph, node: Append, { past, present, axis }: CachePort) {
  const { origin, inputs, outputs } = node;
  const [before, fresh] = inputs;
  const row = new RowCodes(editor, fresh, origin);
  const pastScales = editor.input(`${past}.scales`, 'f32', typeOf(graph, before).shape.with(-1, 1));
  const codes = editor.node('concat', [before, row.codes], { axis }, { origin });
  const scales = editor.node('concat', [pastScales, row.scale], { axis }, { origin });
  editor.node('mul', [codes, scales], {}, { origin, as: outputs });
  editor.output(`${present}.scales`, scales);
  return { codes, scales: { past: `${past}.scales`, present: `${present}.scales`, axis } satisfies CachePort };
}

/** The nodes that make codes of rows x [B, heads, T, head_dim]. */
class RowCodes {
  /** [B, heads, T, 1] */
  readonly scale: ValueId;
  readonly codes: ValueId;

  constructor(editor: GraphEditor, x: ValueId, origin: Origin) {
    const options = { origin };
    const zero = editor.scalar(0);
    const size = editor.node('abs', [x], {}, options);
    const largest = editor.node('max', [size], { axes: [3], keepdims: true }, options);
    this.scale = editor.node('div', [largest, editor.scalar(LARGEST)], {}, options);
    const exact = editor.node('div', [x, this.scale], {}, options);
    const whole = editor.node('round', [exact], {}, options);
    const inside = editor.node('clamp', [whole], { min: -LARGEST, max: LARGEST }, options);
    // 0/0 of a row of zeros, and what came of a NaN or an infinity: the scale says which
    const isNumber = editor.node('equal', [inside, inside], {}, options);
    this.codes = editor.node('where', [isNumber, inside, zero], {}, options);
  }
}
