/** Builtins and keywords of Python as names of a model: model.py never binds one. That the lists are Python's is test/pytorch/names.test.ts's business. */
import { describe, expect, it } from 'vitest';
import { BUILTINS, isSpecial, KEYWORDS, MODULE_ATTRIBUTES } from '../../../src/compiler/backends/pytorch/reserved.ts';
import { codeOf, expectStructure, modelPy } from './support.ts';

const RESERVED = [...BUILTINS, ...KEYWORDS];
/** reserved by MDL's own grammar, so no names there */
const OF_MDL = 'and else for if import in not or set'.split(' ');
const NAMES = RESERVED.filter((name) => !OF_MDL.includes(name));

const ROLES: Readonly<Record<string, (name: string) => string>> = {
  module: (name) =>
    `module ${name}() { forward(x: [B]) -> [B] { x * 2.0 } }\n model Tiny { inner = ${name}()  entry run(x: [B]) -> (y: [B]) { inner(x) } }`,
  model: (name) => `model ${name} { entry run(x: [B]) -> (y: [B]) { x * 2.0 } }`,
  let: (name) =>
    `model Tiny { entry run(x: [B]) -> (y: [B]) { let ${name} = exp(x)\n let other = ${name} + x\n other * ${name} } }`,
  param: (name) => `model Tiny { param ${name}: [2] = ones()  entry run(x: [2]) -> (y: [2]) { x * ${name} } }`,
  entry: (name) => `model Tiny { entry ${name}(x: [B]) -> (y: [B]) { x * 2.0 } }`,
  argument: (name) => `model Tiny { entry run(${name}: [B]) -> (y: [B]) { ${name} * ${name} } }`,
  'loop variable': (name) => `module Twice() { forward(x: [B]) -> [B] { x * 2.0 } }
    model Tiny { inner = [Twice() for i in range(2)]  entry run(x: [B]) -> (y: [B]) { for ${name} in inner { x = ${name}(x) }\n x } }`,
  function: (name) =>
    `fn ${name}(x) { let h = exp(x)\n h * x }\n model Tiny { entry run(x: [B]) -> (y: [B]) { ${name}(x) } }`,
};

/** Names that the file or one of its functions binds. Methods and attributes hide nothing. */
function bound(text: string): string[] {
  const code = codeOf(text);
  const names = [...code.matchAll(/^(?:class|def) (\w+)/gm)].map(([, name]) => name!);
  for (const [, list] of code.matchAll(/^ *def \w+\(([^)]*)\)/gm))
    names.push(...list!.split(',').map((part) => part.trim().replace(/^\*+|=.*$/g, '')));
  for (const [, list] of code.matchAll(/^ *(\w+(?:, \w+)*) = /gm)) names.push(...list!.split(', '));
  for (const [, list] of code.matchAll(/\bfor (\w+(?:, \w+)*) in /g)) names.push(...list!.split(', '));
  return names;
}

const hidden = (text: string): string[] => bound(text).filter((name) => name !== 'self' && RESERVED.includes(name));

describe.each(Object.keys(ROLES))('a %s may be called as Python calls something', (role) => {
  it('and model.py never binds that name', () => {
    // torch refuses a member that is one of its own, and so does the target (C0500)
    const names = NAMES.filter((name) => role !== 'param' || !(MODULE_ATTRIBUTES.has(name) || isSpecial(name)));
    for (const name of names) {
      const text = modelPy(ROLES[role]!(name));
      expectStructure(text);
      expect(hidden(text), `${name}\n${text}`).toEqual([]);
    }
  });
});

it('the builtins that model.py uses are Python’s own in it', () => {
  const text =
    modelPy(`module bytearray(d) { param class: [d] = ones()  forward(x: [B, d]) -> [B, d] { let getattr = class * x\n getattr + x } }
    model Tiny { inner = bytearray(4)  entry print(input: [B, 4]) -> (y: [B, 4]) { inner(input) } }`);
  expect(text).toContain('class bytearray_(nn.Module):');
  expect(text).toContain('getattr_ = getattr(self, "class") * x');
  expect(text).toContain('def print(self, input_):');
});
