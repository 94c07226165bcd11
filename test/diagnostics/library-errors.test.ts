/** Errors inside the standard library: the user's line first, the library's as a label, the calls between as notes. */
import { expect, it } from 'vitest';
import { diagnose, placeOf } from './support.ts';

function only(files: string) {
  const found = diagnose(files);
  expect(found).toHaveLength(1);
  const { code, primary, secondary, notes } = found[0]!;
  const labels = secondary.map(({ span, message }) => `${placeOf(span)} ${message}`);
  return { code, at: placeOf(primary.span), label: primary.message, labels, notes };
}

it('a size that no parameter may have', () => {
  expect(
    only(`import { Linear } from "std"

model M {
  fc = Linear(0, 8)
  entry run(x: [B, 0]) -> (y: [B, 8]) { x |> fc }
}
`),
  ).toEqual({
    code: 'E0201',
    at: '4:8',
    label: 'fc is created here',
    labels: ['std.mdl:9:32 this is what fails'],
    notes: ['in fc, created at main.mdl:4:8'],
  });
});

it('a shape clash in a body of the library', () => {
  const { at, labels, notes } = only(`import { Conv2d } from "std"

model M {
  stem = Conv2d(3, 8, 5)
  entry run(x: [B, 3, 4, 4]) -> (y: [B, 8, 1, 1]) { stem(x) }
}
`);
  expect(at).toBe('5:53');
  expect(labels[0]).toMatch(/^std\.mdl:\d+:\d+ /);
  expect(notes).toContain('in stem, called at main.mdl:5:53');
});

it('two levels of the library, innermost first, and the module of the user that leads there', () => {
  const { at, label, notes } = only(`import { MLP } from "std"

module Block(d) {
  mlp = MLP(d, 0)
  forward(x: [B, d]) -> [B, d] { mlp(x) }
}

model M {
  blocks = [Block(8) for i in range(2)]
  entry run(x: [B, 8]) -> (y: [B, 8]) { blocks[1](blocks[0](x)) }
}
`);
  expect([at, label]).toEqual(['4:9', 'blocks.0.mlp is created here']);
  expect(notes[0]).toMatch(/^in blocks\.0\.mlp\.fc1, created at std\.mdl:\d+:\d+$/);
  expect(notes.slice(1, 3)).toEqual([
    'in blocks.0.mlp, created at main.mdl:4:9',
    'in blocks.0, created at main.mdl:9:13',
  ]);
});

it('a function of the library', () => {
  const { at } = only(`import { next_token_loss } from "std"

model M {
  entry loss(x: [B, T, 8], labels: int[B, 3, 3]) -> (loss: []) { next_token_loss(x, labels) }
}
`);
  expect(at).toMatch(/^4:/);
});
