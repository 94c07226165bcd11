/** Edits of a finished graph: types are inferred, also where a node stands in the place of another. */
import { describe, expect, it } from 'vitest';
import { GraphEditor } from '../../src/compiler/ir/editor.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { readGraph } from '../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { operandsOf } from '../../src/compiler/ops/operands.ts';

const GRAPH = readGraph(['graph g', '%0 = input x: f32[2, 3]', '%1 = exp(%0): f32[2, 3]', 'output y = %1'].join('\n'));

describe('an editor', () => {
  it('adds nodes behind the old ones, with the types that they have', () => {
    const edit = new GraphEditor(GRAPH);
    edit.output('z', edit.node('transpose', [edit.outputOf('y')], { permutation: [1, 0] }));
    expect(printGraph(edit.build())).toMatch(/%2 = transpose\(%1, permutation=\[1, 0\]\): f32\[3, 2\]/);
  });

  it('puts nodes among the old ones, and in the place of one', () => {
    const edit = new GraphEditor(GRAPH, { nodes: 'none' });
    const [node] = GRAPH.nodes;
    const twice = edit.node('add', [0, 0], {});
    edit.node('exp', [twice], {}, { as: node!.outputs });
    const edited = edit.build();
    verifyGraph(edited);
    expect(edited.nodes.map(({ op }) => op)).toEqual(['add', 'exp']);
    expect(edited.outputs).toEqual(GRAPH.outputs);
  });

  it('gives an input away to a node that makes its value', () => {
    const edit = new GraphEditor(GRAPH, { nodes: 'none' });
    edit.dropInputs((name) => name === 'x');
    const flat = edit.input('flat', 'f32', [6]);
    edit.node('reshape', [flat], { shape: [2, 3] }, { as: [0] });
    for (const node of GRAPH.nodes) edit.keep(node);
    const edited = edit.build();
    verifyGraph(edited);
    expect(edited.inputs.map(({ name }) => name)).toEqual(['flat']);
  });

  it('refuses operands that do not fit, and a result of another type', () => {
    const edit = new GraphEditor(GRAPH, { nodes: 'none' });
    expect(() => edit.node('exp', operandsOf('exp', []), {})).toThrow('exp takes 1 operands and got 0');
    expect(() => edit.node('transpose', [0], { permutation: [1, 0] }, { as: [1] })).toThrow(
      'transpose gives f32[3, 2] in the place of f32[2, 3]',
    );
  });
});
