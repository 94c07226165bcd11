/** model.py of a program, and its structure as far as it can be told without Python. */
import { expect } from 'vitest';
import { graphsOf } from '../../../src/compiler/graphs.ts';
import { TARGETS } from '../../../src/compiler/targets/index.ts';
import { compileOk, memory } from '../../support/project.ts';

export function modelPy(source: string): string {
  const graphs = graphsOf(compileOk('main.mdl', memory({ 'main.mdl': source })))!;
  return new TextDecoder().decode(TARGETS.pytorch.compile(graphs).files(null).get('model.py'));
}

/** The text without comments and the contents of strings: what Python would run. */
export function codeOf(text: string): string {
  return text.replace(/"""(?:\\[\s\S]|(?!""")[\s\S])*"""|"(?:\\.|[^"\\\n])*"|#[^\n]*/g, (part) =>
    part.startsWith('#') ? '' : '""',
  );
}

/** Brackets close, strings end, and each block is indented by four under its header. */
export function expectStructure(text: string): void {
  const code = codeOf(text);
  expect(code).not.toMatch(/'|"(?!")(?<!"")/);
  const open: string[] = [];
  for (const char of code.match(/[()[\]{}]/g) ?? []) {
    if ('([{'.includes(char)) open.push(char);
    else expect('([{'.indexOf(open.pop() ?? ' ')).toBe(')]}'.indexOf(char));
  }
  expect(open).toEqual([]);
  let header = false;
  let indent = 0;
  for (const line of code.split('\n').filter((one) => one.trim() !== '')) {
    const own = /^ */.exec(line)![0].length;
    expect(own % 4, line).toBe(0);
    if (header) expect(own, line).toBeGreaterThan(indent);
    header = /^ *(def|class|for|if|else)\b.*:$/.test(line.trimEnd());
    indent = own;
  }
}

/** The lines of a class. */
export function classOf(text: string, name: string): string {
  const start = text.indexOf(`class ${name}(nn.Module):`);
  expect(start, `class ${name}`).toBeGreaterThan(-1);
  const end = text.indexOf('\n\n\n', start);
  return text.slice(start, end < 0 ? undefined : end);
}
