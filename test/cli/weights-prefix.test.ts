/** A prefix that wrappers leave in a checkpoint is found and proposed. */
import { expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { commonPrefix } from '../../src/compiler/workbench/weights/prefix.ts';
import { memory } from '../support/project.ts';

const MODEL = `import { MLP } from "std"
model M {
  mlp = MLP(4, 8)
  entry run(x: [B, 4]) -> (y: [B, 4]) { mlp(x) }
}
`;
const parameters = [...compile('main.mdl', memory({ 'main.mdl': MODEL })).model!.parameters.values()];
const keys = parameters.map(({ keys: [key] }) => key);

it.each(['module.', '_orig_mod.', 'model.', 'module._orig_mod.model.'])('%s in front of every key', (prefix) => {
  const line = commonPrefix(
    parameters,
    keys.map((key) => prefix + key),
  );
  expect(line).toBe(
    `4 missing keys are in the checkpoint with "${prefix}" in front: give it as --weights FILE#${prefix.slice(0, -1)}`,
  );
});

it('one that the model has and the checkpoint lacks', () => {
  const line = commonPrefix(
    parameters,
    keys.map((key) => key.slice('mlp.'.length)),
  );
  expect(line).toMatch(/^4 missing keys are in the checkpoint without "mlp\." in front: /);
});

it('nothing where keys only end alike', () => {
  expect(commonPrefix(parameters, ['a.mlp.fc1.weight', 'b.mlp.fc1.bias'])).toBeUndefined();
  expect(commonPrefix(parameters, ['other.weight'])).toBeUndefined();
});
