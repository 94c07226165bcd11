/** A comma may end every list in brackets, and none may stand for an item that is missing. */
import { expect, it } from 'vitest';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { problems, program } from './support.ts';

const text = (end: string): string => `import { Linear${end} } from "std"

module Two(a, b${end}) {
  l = Linear(a, b${end})
  forward(x: [..., a]${end}) -> (y: [..., b], z: [..., a]${end}) { (l(x${end}), x${end}) }
}

model M {
  t = Two(2, 3${end})
  entry main(x: [B, 2]${end}) -> (y: [B, 3], z: [B, 2]${end}) {
    let s = [1, 2${end}]
    let u, v = t(x${end})
    (u, v * s[1]${end})
  }
}
`;

it('a comma may end a list', () => {
  const graphOf = (end: string): string =>
    printGraph(program(text(end)).entry('main')!.graph).replaceAll(/main\.mdl:\d+:\d+/g, '');
  expect(graphOf(',')).toBe(graphOf(''));
});

it.each([
  ['f(,)', 'a call', ')'],
  ['f(a,,b)', 'a call', ')'],
  ['[1,,2]', 'a list', ']'],
  ['[,]', 'a list', ']'],
  ['(a,,)', 'parentheses', ')'],
])('%s misses an item', (expression, where, close) => {
  const [first] = problems(`model M {\n  entry main(a: [B, 2], b: [B, 2]) -> [B, 2] { ${expression} }\n}\n`);
  expect(first).toBe(`E0005 ',' does not fit in ${where}, where '${close}' was expected`);
});
