/** Names, doc strings, keys and comments of a model are never code of model.py. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { comment, docString, Names, string } from '../../../src/compiler/backends/pytorch/python.ts';
import { classOf, codeOf, expectStructure, modelPy } from './support.ts';

const EVIL = 'import os; os.system("evil")';

it('doc strings end where they end', () => {
  const text = modelPy(`/// """ + ${EVIL} + """ \\
/// \\""" ${EVIL}
/// ends in a quote"
model Tiny { entry run(x: [B]) -> (y: [B]) { x } }`);
  expectStructure(text);
  expect(codeOf(text)).not.toContain('evil');
  expect(text).toContain('evil');
});

it('any text stays inside of a doc string, a string or a comment', () => {
  const nasty = fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\r', '#', "'", 'a', '\u2028', '\u0000', '\u0085', ' '),
  });
  fc.assert(
    fc.property(nasty, (text) => {
      expect(codeOf(`${docString(text).join('\n')}\n${EVIL}`).trim()).toBe(codeOf(`""\n${EVIL}`).trim());
      expect(codeOf(`${string(text)}\n${EVIL}`).trim()).toBe(codeOf(`""\n${EVIL}`).trim());
      expect(comment(text).split(/[\n\r\u2028\u2029\u0085]/)).toHaveLength(1);
    }),
  );
});

it('keywords and names of the file are other names', () => {
  const text = modelPy(`module lambda(d) {
    forward(torch: [B, d]) -> [B, d] {
      let class = torch * 2.0
      let F = class + 1.0
      let self_ = F
      relu(self_)
    }
  }
  model Cache {
    nn = lambda(4)
    entry global(def: [B, 4]) -> (y: [B, 4]) { nn(def) }
    entry half(None: [B, 4]) -> (y: [B, 4]) { nn(None) }
  }`);
  expectStructure(text);
  expect(text).toContain('class lambda_(nn.Module):');
  expect(text).toContain('def forward(self, torch_2):');
  expect(text).toContain('class_ = torch_2 * 2.0');
  expect(text).toContain('F_2 = class_ + 1.0');
  expect(classOf(text, 'Cache_2')).toContain('def global_(self, def_):');
  expect(classOf(text, 'Cache_2')).toContain('def half_2(self, None_):');
});

it('keys that are no names are reached by their texts', () => {
  const text = modelPy(`model Tiny {
    param weight: [2] = ones() key "class.a-b.0"
    entry run(x: [2]) -> (y: [2]) { x * weight }
  }`);
  expectStructure(text);
  expect(text).toContain('self.add_module("class", nn.Module())');
  expect(text).toContain('return x * getattr(getattr(getattr(self, "class"), "a-b"), "0")');
});

it('names that Python changes inside of a class are reached by their texts', () => {
  const text = modelPy(`model Tiny {
    param __w: [2] = ones()
    entry run(x: [2]) -> (y: [2]) { x * __w }
  }`);
  expectStructure(text);
  expect(text).toContain('self.register_parameter("__w", nn.Parameter(torch.ones(2)))');
  expect(text).toContain('return x * getattr(self, "__w")');
});

it('names are made of what identifiers are made of', () => {
  const names = new Names(['h']);
  expect(names.take('h')).toBe('h_2');
  expect(names.take('__class__')).toBe('_class__');
  expect(names.take('3d; x')).toBe('_3d__x');
  expect(names.take('def')).toBe('def_');
});
