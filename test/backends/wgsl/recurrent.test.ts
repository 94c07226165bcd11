/** Training a recurrent layer: kernels that join states, the first of them a number, bind no more buffers than a device allows. */
import { expect, it } from 'vitest';
import { graphsOf } from '../../../src/compiler/graphs.ts';
import { webgpu } from '../../../src/compiler/targets/webgpu.ts';
import { compileOk, memory } from '../../support/project.ts';

const program = (layer: string): string => `import { ${layer}, Linear, mse_loss } from "std"
model M {
  memory = ${layer}(3, 4)
  head = Linear(4, 2)
  entry loss(x: [B, 5, 3], y: [B, 2]) -> (loss: []) { mse_loss(head(memory(x)[:, -1]), y) }
}
stage all {
  train **
  optimize adamw()
  schedule constant(lr = 0.01, iters = 5, epochs = 1)
}
`;

it.each(['LSTM', 'GRU'])('the gradient of %s compiles', (layer) => {
  const model = compileOk('m.mdl', memory({ 'm.mdl': program(layer) }));
  const graphs = graphsOf(model, { entries: [], stage: model.stages[0]!, training: webgpu.training })!;
  expect(webgpu.compile(graphs, {}).files(null).size).toBeGreaterThan(0);
});
