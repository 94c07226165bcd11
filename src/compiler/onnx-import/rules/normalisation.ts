/** Normalisation. */
import { mulDims, productOf, type Shape } from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { Call, Rule } from '../call.ts';

/** [C] beside [N, C, …] */
function perChannel(c: Call, id: ValueId, rank: number): ValueId {
  const shape = c.shapeOf(id);
  return rank === 2 ? id : c.importer.reshape(id, [...shape, ...new Array<number>(rank - 2).fill(1)]);
}

/** Running statistics of a batch are no weights. */
function statistics(c: Call, index: number): ValueId {
  const held = c.held(index);
  return held ? c.importer.tensor({ ...held, trains: false }) : c.tensor(index, 'f32');
}

/** (x − mean) / √(variance + ε) · scale + bias, by the running statistics. */
const batch: Rule = (c) => {
  c.ignore('momentum');
  c.only('training_mode', 0);
  c.only('spatial', 1);
  c.only('is_test', 1);
  const rank = c.rank(0);
  const spread = c.emit('add', [statistics(c, 4), c.importer.scalar(c.float('epsilon', 1e-5))], {});
  const scale = c.emit('mul', [c.weight(1), c.emit('rsqrt', [spread], {})], {});
  const shift = c.emit('sub', [c.weight(2), c.emit('mul', [statistics(c, 3), scale], {})], {});
  const scaled = c.emit('mul', [c.tensor(0, 'f32'), perChannel(c, scale, rank)], {});
  return c.made(c.emit('add', [scaled, perChannel(c, shift, rank)], {}));
};

/** Over the axes from `axis` on, which are one for the op. */
function over(c: Call, axis: number, op: (x: ValueId, flat: (id: ValueId) => ValueId) => ValueId): ValueId {
  const shape = c.shape(0);
  const x = c.tensor(0, 'f32');
  if (axis === shape.length - 1) return op(x, (id) => id);
  const tail = productOf(shape.slice(axis));
  const rows: Shape = [...shape.slice(0, axis), tail];
  return c.importer.reshape(
    op(c.importer.reshape(x, rows), (id) => c.importer.reshape(id, [tail])),
    shape,
  );
}

const layer: Rule = (c) => {
  c.only('stash_type', 1);
  const axis = c.axis(c.int('axis', -1), c.rank(0));
  const eps = c.float('epsilon', 1e-5);
  const y = over(c, axis, (x, flat) => {
    const more = [c.weight(1), ...(c.has(2) ? [c.weight(2)] : [])].map(flat);
    return c.emit('layer_norm', [x, ...more], { eps });
  });
  return c.made(y);
};

const rms: Rule = (c) => {
  c.only('stash_type', 1);
  const axis = c.axis(c.int('axis', -1), c.rank(0));
  const eps = c.float('epsilon', 1e-5);
  return c.made(over(c, axis, (x, flat) => c.emit('rms_norm', [x, flat(c.weight(1))], { eps })));
};

/** com.microsoft: of the sum of an input and what it skips, which is the fourth output */
const skip =
  (op: 'layer_norm' | 'rms_norm'): Rule =>
  (c) => {
    const eps = c.float('epsilon', 1e-5);
    const biasAt = op === 'layer_norm' ? 4 : 3;
    let x = c.emit('add', [c.tensor(0, 'f32'), c.tensor(1, 'f32')], {});
    if (c.has(biasAt)) x = c.emit('add', [x, c.tensor(biasAt, 'f32')], {});
    const beta = op === 'layer_norm' && c.has(3) ? [c.weight(3)] : [];
    const y = c.emit(op, [x, c.weight(2), ...beta], { eps });
    const none = { kind: 'known', dtype: 'f32', shape: [0], items: [] } as const;
    return [...c.made(y), none, none, ...c.made(x)];
  };

/** Each sample's channels in groups, then a scale and a bias of each channel, or of each group before opset 21. */
function grouped(c: Call, groups: number): ValueId {
  const shape = c.shape(0);
  const [n, channels, ...rest] = shape;
  const count = c.static(channels!, 'the number of its channels');
  if (count % groups !== 0) c.fail(`its ${count} channels do not divide into ${groups} groups`);
  const rows: Shape = [n!, groups, mulDims(count / groups, productOf(rest))];
  const normal = c.emit('layer_norm', [c.importer.reshape(c.tensor(0, 'f32'), rows)], {
    eps: c.float('epsilon', 1e-5),
  });
  const each = (index: number): ValueId => {
    const id = c.weight(index);
    const size = c.shape(index)[0];
    if (size === count) return perChannel(c, id, shape.length);
    const spread = c.emit('expand', [c.importer.reshape(id, [groups, 1])], { shape: [groups, count / groups] });
    return perChannel(c, c.importer.reshape(spread, [count]), shape.length);
  };
  const scaled = c.emit('mul', [c.importer.reshape(normal, shape), each(1)], {});
  return c.emit('add', [scaled, each(2)], {});
}

export const NORMALISATION: Readonly<Record<string, Rule>> = {
  BatchNormalization: batch,
  LayerNormalization: layer,
  RMSNormalization: rms,
  SimplifiedLayerNormalization: rms,
  'com.microsoft.SimplifiedLayerNormalization': rms,
  'com.microsoft.SkipLayerNormalization': skip('layer_norm'),
  'com.microsoft.SkipSimplifiedLayerNormalization': skip('rms_norm'),
  InstanceNormalization: (c) => c.made(grouped(c, c.static(c.shape(0)[1]!, 'the number of its channels'))),
  GroupNormalization: (c) => {
    c.only('stash_type', 1);
    return c.made(grouped(c, c.int('num_groups', 1)));
  },
};
