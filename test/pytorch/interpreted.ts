/** A program in PyTorch beside the float64 interpreter: its loss, gradients, and buffers after a step. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphEditor } from '../../src/compiler/ir/editor.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { narrow, type WideTensor } from '../../src/shared/tensor.ts';
import { recordingOutput } from '../cli/output.ts';
import { gradientsOf, noise, run, type Tensors } from '../passes/autodiff/support.ts';
import { readTensors } from '../support/reference.ts';
import { type Job, scratch, written } from './support.ts';

export interface Prepared {
  readonly job: Job;
  readonly loss: WideTensor;
  readonly gradients: Tensors;
  /** what updates leave, by key */
  readonly buffers: Tensors;
}

let count = 0;

/** The entry `loss` of a program, whose first output it is, on inputs of B = 4. @param train as a step of training has it */
export async function prepared(source: string, train = false): Promise<Prepared> {
  const file = join(scratch, `program-${count++}.mdl`);
  writeFileSync(file, source);
  const folder = await written(file, { init: 0 });
  const { graph, updated, trained } = traced(file, train);
  const stored = readTensors(join(folder, 'model.safetensors'));
  const tensors = new Map<string, WideTensor>();
  for (const [key, { dtype, shape, data }] of stored)
    tensors.set(key, { dtype: dtype === 'I64' ? 'i64' : 'f32', shape, data: Float64Array.from(data, Number) });
  for (const [index, { name: input, value }] of graph.inputs.entries()) {
    const { shape } = graph.types[value]!;
    const sizes = shape.map((dim) => (typeof dim === 'number' ? dim : 4 * (dim.terms[0]?.coefficient ?? 1)));
    tensors.set(input, noise(sizes, index + 1));
  }
  const inputs = Object.fromEntries(graph.inputs.map(({ name: input }) => [input, narrow(tensors.get(input)!)]));
  const results = run(graph, tensors);
  return {
    job: { folder, entry: 'loss', inputs, gradients: true, train },
    loss: results.get('loss')!,
    gradients: gradientsOf(graph, tensors, trained),
    buffers: new Map(updated.map((key) => [key, results.get(`updated.${key}`)!])),
  };
}

interface Traced {
  readonly graph: Graph;
  /** buffers that it updates, and what is no buffer: keys */
  readonly updated: readonly string[];
  readonly trained: readonly string[];
}

function traced(file: string, train: boolean): Traced {
  const options = train ? { training: { dropout: false } } : {};
  const { model } = loadModel(file, {}, recordingOutput());
  const { graph, updates } = model.entry('loss', [], options)!;
  const editor = new GraphEditor(graph);
  for (const [key, { value }] of updates) editor.output(`updated.${key}`, value);
  const trained = graph.parameters.map(({ key }) => key).filter((key) => !model.parameters.get(key)!.buffer);
  return { graph: updates.size === 0 ? graph : editor.build(), updated: [...updates.keys()], trained };
}
