/** An initialiser that several modules of a file read is one parameter, and one that is read both ways is two: the import says so. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderWith } from '../cli/support.ts';
import { floats, node, onnx } from './files.ts';
import { imported } from './support.ts';

async function notesOf(nodes: ReturnType<typeof node>[], outputs: string[]): Promise<readonly string[]> {
  const file = join(folderWith(), 'model.onnx');
  writeFileSync(file, onnx({ nodes, outputs, initialisers: [floats('shared', [4, 4]), floats('own', [4, 4], 5)] }));
  return (await imported(file)).notes;
}

it('is tied where several modules read it', async () => {
  const notes = await notesOf(
    [
      node('MatMul', ['x', 'shared'], ['a'], '/first/MatMul'),
      node('MatMul', ['a', 'shared'], ['b'], '/second/MatMul'),
      node('MatMul', ['b', 'own'], ['y'], '/third/MatMul'),
    ],
    ['y'],
  );
  expect(notes).toEqual([
    expect.stringMatching(/^\S*shared\S* is read by first and second: it trains as one parameter, tied$/),
  ]);
});

it('is two that train apart where it is read both ways', async () => {
  const notes = await notesOf(
    [
      node('Transpose', ['shared'], ['t'], '/first/Transpose', [{ name: 'perm', type: 7, ints: [1, 0] }]),
      node('Mul', ['t', 'shared'], ['m'], '/first/Mul'),
      node('MatMul', ['x', 'm'], ['y'], '/first/MatMul'),
    ],
    ['y'],
  );
  expect(notes).toEqual([expect.stringMatching(/^\S+ is a transposed copy of \S+: the two train apart$/)]);
});

it.each([
  [2, /is read by layers\.0 and layers\.1: it trains/],
  [6, /is read by layers\.0, layers\.1, layers\.2, layers\.3 and 2 more: it trains/],
])('is tied over %i layers', async (count, says) => {
  const layers = Array.from({ length: count }, (_, i) => [
    node('MatMul', [i === 0 ? 'x' : `h${i - 1}`, 'shared'], [`m${i}`], `/layers.${i}/MatMul`),
    node('Tanh', [`m${i}`], [`h${i}`], `/layers.${i}/Tanh`),
  ]).flat();
  expect(await notesOf(layers, [`h${count - 1}`])).toEqual([expect.stringMatching(says)]);
});

it('is nothing to say of a tensor that one module reads', async () => {
  expect(await notesOf([node('MatMul', ['x', 'own'], ['y'], '/third/MatMul')], ['y'])).toEqual([]);
});
