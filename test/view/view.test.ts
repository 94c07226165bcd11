/** A model as people look at it: its tree adds up, FLOPs are those of the literature and of formulas by hand, folding keeps all. */
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/compiler/view/index.ts';
import { evaluateDim, productOf } from '../../src/shared/dim.ts';
import type { ModelView, ViewModule } from '../../src/shared/view.ts';
import { componentsOf, costsByOp, costsByPath, firstSizes, outwards } from '../../src/viewer/costs.ts';
import { firstOpen, foldGraph } from '../../src/viewer/fold.ts';
import { formatBytes, formatNumber } from '../../src/viewer/format.ts';
import { placeGraph } from '../../src/viewer/layout.ts';
import { compileOk, memory, repository } from '../support/project.ts';

const view = (path: string, config: string, set: Readonly<Record<string, string>> = {}): ModelView =>
  viewOf(compileOk(path, repository, { config, set: Object.entries(set).map(([name, text]) => ({ name, text })) }))!;

const flopsOf = (model: ModelView, entry: string, sizes: Readonly<Record<string, number>>): number => {
  const graph = model.entries.find(({ name }) => name === entry)!;
  return costsByPath(graph, new Map(Object.entries(sizes))).get('')!.flops;
};

function program(body: string, config = ''): ModelView {
  const text = `import { Linear, Conv2d, LayerNorm } from "std"\n${config}\nmodel M {\n${body}\n}\n`;
  return viewOf(compileOk('m.mdl', memory({ 'm.mdl': text })))!;
}

describe('the tree', () => {
  const nano = view('models/tinygpt-v.mdl', 'nano');
  const all = (module: ViewModule): readonly ViewModule[] => [module, ...module.children.flatMap(all)];

  it('has every parameter once: its numbers are sums of what is inside', () => {
    expect(nano.parameters).toBe(1_274_272);
    expect(nano.tree.parameters).toBe(nano.parameters);
    expect(nano.tree.bytes).toBe(nano.bytes);
    const keys = all(nano.tree).flatMap(({ own }) => own.map(({ key }) => key));
    const { parameters } = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' });
    expect([...keys].sort()).toEqual([...parameters.keys()].sort());
    for (const module of all(nano.tree).filter(({ own, note }) => own.length === 0 && note === undefined))
      expect(module.parameters, module.path).toBe(module.children.reduce((sum, child) => sum + child.parameters, 0));
  });

  it('puts the items of a list together, and says what is off', () => {
    const layers = all(nano.tree).find(({ path }) => path === 'llama_model.model.layers')!;
    expect(layers).toMatchObject({ label: 'layers', kind: '4 × PhiLayer' });
    expect(layers.children.map(({ label }) => label)).toEqual(['0', '1', '2', '3']);
    const without = view('models/tinygpt-v.mdl', 'nano', { q_former: 'false' });
    expect(without.tree.children.find(({ label }) => label === 'Qformer')).toMatchObject({
      note: 'off',
      parameters: 0,
    });
  });
});

describe('FLOPs', () => {
  it('of EVA ViT-g at 224 are twice the 267 G multiplications that its authors give', () => {
    const full = viewOf(compileOk('models/tinygpt-v.mdl', repository, { config: 'full' }), ['encode_image'])!;
    const costs = costsByPath(full.entries[0]!, new Map([['N', 1]]));
    expect(costs.get('visual_encoder')!.flops / 2e9).toBeGreaterThan(255);
    expect(costs.get('visual_encoder')!.flops / 2e9).toBeLessThan(280);
  });

  it.each([
    ['linear', 'l = Linear(4, 3, with_bias = false)\nentry f(x: [B, 4]) -> (y: [B, 3]) { l(x) }', 2 * 5 * 3 * 4],
    ['matmul', 'entry f(x: [B, 4, 6], z: [B, 6, 7]) -> (y: [B, 4, 7]) { x @ z }', 2 * 5 * 4 * 7 * 6],
    [
      'conv2d',
      'c = Conv2d(3, 8, 3, stride = 2, padding = 1, with_bias = false)\nentry f(x: [B, 3, 8, 8]) -> (y: [B, 8, 4, 4]) { c(x) }',
      2 * 5 * 8 * 4 * 4 * 3 * 3 * 3,
    ],
    [
      'attention',
      'entry f(q: [B, 2, 3, 4], k: [B, 2, 9, 4], v: [B, 2, 9, 4]) -> (y: [B, 2, 3, 4]) { attention(q, k, v) }',
      2 * 2 * 5 * 2 * 3 * 9 * 4,
    ],
    ['add', 'entry f(x: [B, 4], z: [4]) -> (y: [B, 4]) { x + z }', 5 * 4],
    ['sum', 'entry f(x: [B, 4]) -> (y: [B]) { sum(x, axes = [1]) }', 5 * 4],
    ['reshape', 'entry f(x: [B, 4]) -> (y: [4 * B]) { reshape(x, [4 * B]) }', 0],
  ])('%s, by hand', (_, body, expected) => {
    expect(flopsOf(program(body), 'f', { B: 5 })).toBe(expected);
  });

  it('grow with the square of the length where attention does', () => {
    const gpt = view('examples/gpt.mdl', 'bytes');
    const at = (T: number): number => flopsOf(gpt, 'loss', { B: 1, T });
    // a + b·T + c·T²: the second difference is the same everywhere
    expect(at(40) - 2 * at(30) + at(20)).toBe(at(60) - 2 * at(50) + at(40));
    expect(at(40) - 2 * at(30) + at(20)).toBeGreaterThan(0);
  });

  it('are the same by op as by module', () => {
    const [graph] = viewOf(compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' }), ['loss'])!.entries;
    const sizes = firstSizes(graph);
    const byOp = costsByOp(graph!, sizes).reduce((sum, [, { flops }]) => sum + flops, 0);
    expect(costsByPath(graph!, sizes).get('')!.flops).toBe(byOp);
    for (const { bytes, type } of graph!.nodes) expect(evaluateDim(bytes, sizes), type).toBeGreaterThanOrEqual(0);
    expect(productOf([])).toBe(1);
  });
});

describe('folding', () => {
  const [graph] = viewOf(compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' }), ['loss'])!.entries;
  const every = new Set(graph!.nodes.flatMap(({ path }) => outwards(path)));

  it.each([
    ['closed', new Set<string>()],
    ['as at first', firstOpen(graph!)],
    ['open', every],
  ])('%s: each node is in one box, and edges are those between boxes', (_, expanded) => {
    const { boxes, edges } = foldGraph(graph!, expanded);
    const boxOf = new Map(boxes.flatMap(({ id, nodes }) => nodes.map((node) => [node, id] as const)));
    expect([...boxOf.keys()].sort((a, b) => a - b)).toEqual(graph!.nodes.map((__, index) => index));
    expect(boxes.reduce((sum, { nodes }) => sum + nodes.length, 0)).toBe(graph!.nodes.length);
    const wanted = new Set(
      graph!.nodes.flatMap(({ from }, to) =>
        from
          .map((source) => [boxOf.get(source), boxOf.get(to)])
          .filter(([a, b]) => a !== b)
          .map(([a, b]) => `${a} ${b}`),
      ),
    );
    expect(new Set(edges.map(({ from, to }) => `${from} ${to}`))).toEqual(wanted);
  });

  it('lays every box inside of the modules that are open around it', () => {
    const [encoder] = viewOf(compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' }), [
      'encode_image',
    ])!.entries;
    const folded = foldGraph(encoder!, new Set([...every].filter((path) => !/\d$/.test(path) || path.endsWith('0'))));
    const placed = placeGraph(folded, () => 100, 40);
    for (const { id, inside } of folded.boxes.filter((box) => box.inside !== '')) {
      const [box, module] = [placed.boxes.get(id)!, placed.modules.get(inside)!];
      expect(box.x).toBeGreaterThanOrEqual(module.x);
      expect(box.y).toBeGreaterThanOrEqual(module.y);
      expect(box.x + box.width).toBeLessThanOrEqual(module.x + module.width);
      expect(box.y + box.height).toBeLessThanOrEqual(module.y + module.height);
    }
  });

  it('opens at first what stays small enough to see', () => {
    expect(foldGraph(graph!, firstOpen(graph!)).boxes.length).toBeLessThanOrEqual(30);
  });
});

it('takes as components the first level that has a few', () => {
  const gpt = view('examples/gpt.mdl', 'bytes');
  expect(componentsOf(gpt.tree).map(({ path }) => path)).toEqual(['wte', 'wpe', 'blocks', 'ln_f', 'lm_head']);
});

it('writes numbers in three digits with a unit', () => {
  expect([0, 999, 9_999, 10_000, 999_600, 1_274_272].map(formatNumber)).toEqual([
    '0',
    '999',
    '9,999',
    '10.0 k',
    '1.00 M',
    '1.27 M',
  ]);
  expect([0, 999, 1000, 5_101_184].map(formatBytes)).toEqual(['0 B', '999 B', '1.00 kB', '5.10 MB']);
});
