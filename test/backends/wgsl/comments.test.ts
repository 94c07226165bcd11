/**
 * Text of a project in comments of generated files: a path with what ends a line or a comment stays in its comment.
 * WGSL 3.1 counts seven line breaks: LF, VT, FF, CR, NEL (U+0085), LS (U+2028) and PS (U+2029).
 */
import { expect, it } from 'vitest';
import { commentText } from '../../../src/compiler/backends/typescript/names.ts';
import { compile } from '../../../src/compiler/index.ts';
import { kernelsText } from '../../../src/compiler/workbench/plan/kernels.ts';
import { buildWebGpu } from '../../support/build.ts';
import { memory } from '../../support/project.ts';

const BREAKS = ['\n', '\v', '\f', '\r', '\x85', '\u2028', '\u2029'];
const INJECTED = 'fn injected() {}';

it.each(BREAKS.map((character) => [character.codePointAt(0)!.toString(16), character]))(
  'a path with U+%s does not leave a comment of WGSL',
  (_, character) => {
    const path = `a${character}${INJECTED} //.mdl`;
    const text = 'model M { entry run(x: [B, 4]) -> (y: [B, 4]) { gelu(x) } }';
    const { model } = compile(path, memory({ [path]: text }));
    const plan = buildWebGpu(model!)!;
    const listing = kernelsText({ ...plan, model: { ...plan.model, name: `M${character}${INJECTED}` } });
    for (const wgsl of [...plan.kernels.map((kernel) => kernel.wgsl), listing]) {
      const lines = wgsl.split(new RegExp(`[${BREAKS.join('')}]`));
      expect(lines.filter((line) => line.includes(INJECTED)).every((line) => line.startsWith('//'))).toBe(true);
    }
    expect(plan.kernels.some(({ wgsl }) => wgsl.includes(INJECTED))).toBe(true);
  },
);

it.each([...BREAKS, '*/', '**//', '\u202e'])('commentText of %j stays in a comment of TypeScript', (text) => {
  const comment = commentText(`a${text}b`);
  expect(comment).not.toMatch(/\*\/|[\n\v\f\r\x85\u2028\u2029\u202e]/);
});
