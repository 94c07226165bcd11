/** Cross entropy without logits: loss and gradients are those of the plain form, and nothing of [tokens, vocabulary] is computed. */
import { describe, expect, test } from 'vitest';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { typeOf } from '../../src/compiler/ir/graph.ts';
import { StageError } from '../../src/compiler/training/stage-error.ts';
import type { Tensors } from '../../src/runtime/backend.ts';
import { isSymbolic } from '../../src/shared/dim.ts';
import { type HostTensor, sizeOf } from '../../src/shared/tensor.ts';
import { PORTS } from '../../src/shared/training.ts';
import { problems, program } from '../language/support.ts';
import { buildStage, graphIn, STAGE_ON_DEVICE } from '../support/build.ts';
import { relativeError } from '../support/reference.ts';
import { ENGINES, openEngine, providerOf } from './engines.ts';
import { noise } from './support.ts';

const [D, VOCABULARY] = [6, 22];
const CHUNK = 4;

const source = ({ head, members = '', train = '**', clauses = '' }: Source): string => `
import { Embedding, Linear, LoRA } from "std"
model M {
  tokens = Embedding(${VOCABULARY}, ${D})
  body = Linear(${D}, ${D})
  ${members}
  entry loss(input_ids: int[B, T], labels: int[B, T], allowed: bool[${VOCABULARY}]) -> (loss: [], logits: [B, T, ${VOCABULARY}]) {
    let h = tanh(body(tokens(input_ids)))
    let logits = ${head}
    (cross_entropy(logits[:, :-1], labels[:, 1:], ignore_index = -100) + 0.0 * sum(float(allowed)), logits)
  }
}
${clauses}
stage s { train ${train}  optimize sgd(momentum = 0.0)  schedule constant(lr = 1.0) }
`;
interface Source {
  readonly head: string;
  readonly members?: string;
  readonly train?: string;
  readonly clauses?: string;
}

const LINEAR = `lm_head = Linear(${D}, ${VOCABULARY})`;
const FORMS: Readonly<Record<string, Source>> = {
  'a linear head with a bias': { head: 'lm_head(h)', members: LINEAR },
  'tied weights': { head: 'linear(h, tokens.weight)' },
  'a soft cap': { head: '3.0 * tanh(lm_head(h) / 3.0)', members: LINEAR },
  'a head that does not train': { head: 'lm_head(h)', members: LINEAR, train: 'body, tokens' },
  'LoRA on a frozen head': {
    head: 'lm_head(h)',
    members: LINEAR,
    train: '**.lora_*',
    clauses: 'adapt lm_head with LoRA(r = 2, alpha = 4)',
  },
  'a product with a matrix of columns': {
    head: 'h @ w',
    members: `param w: [${D}, ${VOCABULARY}] = normal(0.5)`,
  },
  'columns that are −∞': { head: 'where(allowed, lm_head(h), log(0.0 * float(allowed)))', members: LINEAR },
};

const bools = (data: readonly number[]): HostTensor => ({
  dtype: 'bool',
  shape: [data.length],
  data: Uint8Array.from(data),
});
const ints = (rows: readonly (readonly number[])[]): HostTensor => ({
  dtype: 'i64',
  shape: [rows.length, rows[0]!.length],
  data: BigInt64Array.from(rows.flat(), BigInt),
});
const BATCH: Tensors = {
  input_ids: ints([
    [1, 5, 21, 0, 7],
    [2, 2, 19, 13, 4],
  ]),
  labels: ints([
    [1, 5, 21, 0, -100],
    [2, 3, 19, -100, 4],
  ]),
  // of the chunk 8 … 11 none; no label's
  allowed: bools(
    Array.from({ length: VOCABULARY }, (_, column) => Number((column < 8 || column > 11) && column !== 14)),
  ),
};

function weightsOf(model: Model): (key: string) => HostTensor {
  return (key) => {
    const index = [...model.parameters.keys()].indexOf(key);
    const { shape } = model.parameters.get(key)!;
    return { dtype: 'f32', shape, data: noise(sizeOf(shape), index).map((x) => 2 * x) };
  };
}

interface Ran {
  readonly loss: number;
  /** by key */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

async function ran(engine: string, model: Model, lossChunk: number | undefined, feeds: Tensors): Promise<Ran> {
  const onDevice = engine === 'webgpu' ? STAGE_ON_DEVICE : {};
  const { graphs, plan } = buildStage(model, model.stages[0]!, {
    ...onDevice,
    ...(lossChunk === undefined ? {} : { lossChunk }),
  })!;
  const weights = weightsOf(model);
  const session = await openEngine(engine, graphs, providerOf(weights));
  const arenas =
    plan.arenas ??
    plan.trained.map(({ key, shape }) => ({ name: key, elements: sizeOf(shape), pieces: [{ key, shape, at: 0 }] }));
  const trained = arenas.map(({ name, elements, pieces }): [string, HostTensor] => {
    const data = new Float32Array(elements);
    for (const { key, at } of pieces) data.set(weights(key).data as Float32Array, at);
    const { shape } = pieces[0]!;
    return [PORTS.parameter(name), { dtype: 'f32', shape: plan.arenas ? [elements] : shape, data }];
  });
  const scale: HostTensor = { dtype: 'f32', shape: [], data: Float32Array.of(1) };
  try {
    const results = await session.run('gradient', {
      ...feeds,
      [PORTS.lossScale]: scale,
      ...Object.fromEntries(trained),
    });
    const gradients = arenas.flatMap(({ name, pieces }) => {
      const data = results[PORTS.gradient(name)]!.data as Float32Array;
      return pieces.map(({ key, shape, at }) => [key, data.slice(at, at + sizeOf(shape))] as const);
    });
    return { loss: Number(results.loss!.data[0]), gradients: new Map(gradients) };
  } finally {
    await session.dispose();
  }
}

describe.each(ENGINES)('%s', (engine) => {
  test.each(Object.keys(FORMS))('%s', async (form) => {
    const model = program(source(FORMS[form]!));
    const expected = await ran('reference', model, undefined, BATCH);
    const found = await ran(engine, model, CHUNK, BATCH);
    expect(found.loss).toBeCloseTo(expected.loss, 5);
    expect([...found.gradients.keys()].sort()).toEqual([...expected.gradients.keys()].sort());
    for (const [key, gradient] of expected.gradients) {
      expect(Math.max(...gradient.map(Math.abs)), key).toBeGreaterThan(1e-3);
      expect(relativeError(found.gradients.get(key)!, gradient), key).toBeLessThan(1e-5);
    }
  });

  test('no label counts: the loss is NaN, the gradients are 0', async () => {
    const labels = ints([
      [1, -100, -100],
      [2, -100, -100],
    ]);
    const feeds = {
      ...BATCH,
      input_ids: ints([
        [1, 5, 2],
        [3, 4, 5],
      ]),
      labels,
    };
    const { loss, gradients } = await ran(engine, program(source(FORMS['a linear head with a bias']!)), CHUNK, feeds);
    expect(loss).toBeNaN();
    for (const [key, gradient] of gradients)
      expect(
        gradient.every((x) => x === 0),
        key,
      ).toBe(true);
  });

  test('a label outside of the vocabulary is an error, as without chunks', async () => {
    const feeds = {
      ...BATCH,
      labels: ints([
        [1, 5, VOCABULARY, 0, -100],
        [2, 3, 19, -100, 4],
      ]),
    };
    const model = program(source(FORMS['a linear head with a bias']!));
    for (const lossChunk of [CHUNK, undefined])
      await expect(ran(engine, model, lossChunk, feeds)).rejects.toThrow(/labels/);
  });
});

/** Elements that a token takes in the tensors of a graph that have the columns of its logits, or a part of them. */
function columnsOfTokens(model: Model, lossChunk?: number): number[] {
  const { graphs } = buildStage(model, model.stages[0]!, lossChunk === undefined ? {} : { lossChunk })!;
  const graph = graphIn(graphs, 'gradient');
  return graph.nodes.flatMap(({ outputs }) =>
    outputs.flatMap((value) => {
      const { shape } = typeOf(graph, value);
      const width = shape.at(-1);
      return shape.slice(0, -1).some(isSymbolic) && typeof width === 'number' && width !== D ? [width] : [];
    }),
  );
}

test.each(Object.keys(FORMS))('%s: no tensor has more columns of a token than a chunk', (form) => {
  const model = program(source(FORMS[form]!));
  expect(Math.max(...columnsOfTokens(model))).toBe(VOCABULARY);
  expect(Math.max(...columnsOfTokens(model, CHUNK))).toBe(CHUNK);
});

test('positions that are left out are left out of the head once, and not of the columns of each chunk', () => {
  for (const form of ['a linear head with a bias', 'tied weights', 'a product with a matrix of columns']) {
    const model = program(source(FORMS[form]!));
    const { graphs } = buildStage(model, model.stages[0]!, { lossChunk: CHUNK })!;
    const graph = graphIn(graphs, 'gradient');
    const cut = graph.nodes.filter(({ op, outputs }) => op === 'slice' && typeOf(graph, outputs[0]).dtype === 'f32');
    expect(
      cut.map(({ outputs }) => typeOf(graph, outputs[0]).shape.at(-1)),
      form,
    ).toEqual([D]);
  }
});

test('a chunk of all columns is the plain loss', () => {
  const model = program(source(FORMS['tied weights']!));
  expect(columnsOfTokens(model, VOCABULARY)).toEqual(columnsOfTokens(model));
});

test.each([
  ['accuracy_of(logits)', 'argmax at main.mdl:5:50 reads them too'],
  [
    'cross_entropy(softmax(logits), labels)',
    'they are made by softmax, whose columns cannot be computed by themselves',
  ],
])('refuses logits that have to be there: %s', (loss, reason) => {
  const model = program(`
import { Linear } from "std"
model M {
  lm_head = Linear(${D}, ${VOCABULARY})
  fn accuracy_of(logits) { cross_entropy(logits, argmax(logits, axis = -1)) }
  entry loss(x: [B, ${D}], labels: int[B]) -> (loss: []) { let logits = lm_head(x)  ${loss} }
}
stage s { train **  schedule constant(lr = 1.0)  loss_chunk 4 }
`);
  expect(() => buildStage(model, model.stages[0]!)).toThrow(StageError);
  expect(() => buildStage(model, model.stages[0]!)).toThrow(
    `it has loss_chunk 4, and its logits have to be computed as a whole: ${reason}; leave loss_chunk out`,
  );
});

test('refuses a loss without a cross entropy, and a chunk of no columns', () => {
  const squares = (clause: string) => `model M {
  param w: [3] = zeros()
  entry loss(x: [B, 3]) -> (loss: []) { mean(x * w) }
}
stage s { train w  schedule constant(lr = 1.0)  ${clause} }`;
  const model = program(squares('loss_chunk 4'));
  expect(() => buildStage(model, model.stages[0]!)).toThrow('its loss has no cross_entropy');
  expect(problems(squares('loss_chunk 0'))).toEqual([expect.stringContaining('loss_chunk')]);
});

test('a quantised head is stored as without chunks', () => {
  const model = program(
    source({ head: 'lm_head(h)', members: LINEAR, train: 'body' })
      .replaceAll(`(${D}, `, '(32, ')
      .replaceAll(`${VOCABULARY}, ${D})`, `${VOCABULARY}, 32)`)
      .replace('Linear(32, 6)', 'Linear(32, 32)'),
  );
  const stored = (lossChunk: number | undefined) => [
    ...graphsOf(model, {
      entries: [],
      stage: model.stages[0]!,
      quantise: 'int4',
      training: lossChunk === undefined ? {} : { lossChunk },
    })!.quantised,
  ];
  expect(stored(undefined)).toHaveLength(2);
  expect(stored(CHUNK)).toEqual(stored(undefined));
});
