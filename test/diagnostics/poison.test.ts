/** One mistake does not hide the next ones of the same body. */
import { expect, it } from 'vitest';
import { diagnose } from './support.ts';

const codes = (text: string): string[] => diagnose(text).map(({ code }) => code);
const entry = (body: string): string => `model M {\n  entry run(x: [B, 4]) -> (y: [B, 4]) {\n${body}\n x\n }\n}\n`;

it.each([
  [
    'a key that cannot be one',
    `import { Linear } from "std"
model M {
  a = Linear(4, 4) key "a b"
  b = Linear(4)
  entry run(x: [B, 4]) -> (y: [B, 4]) { b(x) }
}
`,
    ['E0410', 'E0203'],
  ],
  [
    'a wrong destructuring in a loop',
    entry('for a, b in [[1, 2, 3]] { let c = a + "s" }\nlet d = x + "s"'),
    ['E0214', 'E0201'],
  ],
  ['a loop over no list', entry('for a in 3 { let c = len(4) }\nlet d = x[9, 9, 9]'), ['E0201', 'E0201', 'E0302']],
])('%s', (_, text, expected) => expect(codes(text)).toEqual(expected));
