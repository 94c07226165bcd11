/** What model.py says of a program: names, loops, shared classes, sizes, and the cache. That it computes the same is test/pytorch's business. */
import { describe, expect, it } from 'vitest';
import { LOWERINGS } from '../../../src/compiler/backends/pytorch/index.ts';
import { OP_NAMES } from '../../../src/compiler/ops/index.ts';
import { classOf, expectStructure, modelPy } from './support.ts';

const LAYERS = `import { Linear } from "std"
module Block(width) {
  fc = Linear(width, width)
  forward(x: [B, T, width]) -> [B, T, width] {
    let h = relu(fc(x))
    let h = x + h
    h * 2.0
  }
}
model Tiny {
  blocks = [Block(8) for i in range(3)]
  last   = Block(8)
  entry run(x: [B, T, 8]) -> (y: [B, T, 8]) {
    for block in blocks { x = block(x) }
    last(x)
  }
}
`;

describe('model.py', () => {
  it('gives a body without tensors the device of its caller', () => {
    const text = modelPy(`import { Linear } from "std"
      fn table(n) { sin(float(iota(n)) * 0.5) }
      fn twice(n) { table(n) + table(n) }
      module Places() { forward() { let t = twice(4)  t * t } }
      module Shift() { fc = Linear(4, 4)  fn of() { twice(4) + fc(table(4)) }  forward(x: [B, 4]) { x + of() } }
      model Tiny {
        places = Places()
        shift = Shift()
        entry run(x: [B, 4]) -> (y: [B, 4]) { shift(x) + places() + table(4) }
        entry start() -> (y: [4]) { places() }
      }`);
    expect(text).toContain('def table(device):\n');
    expect(text).toContain('torch.arange(4, device=device)');
    expect(text).toContain('def twice(device):\n');
    expect(text).toContain('table(device) + table(device)');
    expect(classOf(text, 'Places')).toContain('def forward(self, device):');
    expect(classOf(text, 'Shift')).toContain('table(next(self.parameters()).device)');
    expect(classOf(text, 'Tiny')).toContain('self.shift(x) + self.places(x.device) + table(x.device)');
    expect(classOf(text, 'Tiny')).toContain('return self.places(next(self.parameters()).device)');
    expectStructure(text);
    const alone = modelPy('model Tiny { entry start() -> (y: [4]) { sin(float(iota(4))) } }');
    expect(alone).toContain('torch.arange(4, device=torch.get_default_device())');
  });

  it('has a class for each module, a loop for equal layers, and the names of the source', () => {
    const text = modelPy(LAYERS);
    expectStructure(text);
    expect(text.match(/^class /gm)).toHaveLength(2);
    expect(classOf(text, 'Tiny')).toContain('self.blocks = nn.ModuleList(Block() for _ in range(3))');
    expect(classOf(text, 'Tiny')).toMatch(
      /for block in self\.blocks:\n {12}# x = block\(x\)\n {12}x = block\(x\) {2}# \[B, T, 8\]\n/,
    );
    expect(classOf(text, 'Block')).toMatch(
      /# let h = relu\(fc\(x\)\)\n {8}h = F\.relu\(self\.fc\(x\)\) {2}# \[B, T, 8\]\n {8}# let h = x \+ h\n {8}h = x \+ h/,
    );
  });

  it('keeps a value whose name is taken again', () => {
    const text = modelPy(`model Tiny {
      entry run(x: [B]) -> (y: [B]) {
        let h = exp(x)
        let g = h
        let h = log(x)
        g + h + x
      }
    }`);
    expectStructure(text);
    const lines = classOf(text, 'Tiny')
      .split('\n')
      .filter((line) => / = |return/.test(line) && !line.includes('#'));
    expect(classOf(text, 'Tiny')).toMatch(/h = x\.exp\(\).*\n.*\n\s+g = h\n.*\n\s+h(_2)? = x\.log\(\)/);
    expect(lines.length).toBeGreaterThan(0);
    expect(text).toMatch(/return g \+ h(_2)? \+ x/);
  });

  it('names the parts of a long statement apart', () => {
    const long = (x: string): string => `${'exp('.repeat(14)}${x}${')'.repeat(14)}`;
    const text = modelPy(`model Tiny {
      fn both(x) { (x + 1.0, x - 1.0) }
      fn again(x) { both(x) }
      entry run(x: [B], y: [B]) -> (z: [B]) {
        let a, b = again(x)
        ${long('a')} * ${long('b + y')}
      }
    }`);
    expectStructure(text);
    expect(text).toContain('return self.both(x)');
    expect(text).toMatch(/y_2 = a\.exp\(\).*\n {8}y_3 = \(b \+ y\)\.exp\(\).*\n {8}return y_2\S* \* y_3/);
  });

  it('reads sizes from the arguments of the function', () => {
    const text = modelPy(`model Tiny {
      entry run(x: [B, T], y: [B, T + S]) -> (z: [B, S]) { y[:, T:] + full([B, S], 1.0) }
    }`);
    expect(text).toContain('y[:, T:]');
    expect(text).toMatch(/torch\.ones\(B, size - T, device=x\.device\)/);
  });

  it('has one class for a module that the loss and the cached step run with other sizes', () => {
    const text = modelPy(`import { MultiHeadAttention } from "std"
    model Tiny {
      attn = MultiHeadAttention(8, 2, causal = true)
      entry step(x: [B, T, 8], mask: int[B, P + T]) -> (y: [B, T, 8]) cache P "past" -> "present" { attn(x, x, mask != 0) }
      entry all(x: [B, T, 8], mask: int[B, T]) -> (y: [B, T, 8]) { attn(x, x, mask != 0) }
    }`);
    expectStructure(text);
    expect(text.match(/^class MultiHeadAttention/gm)).toHaveLength(1);
    expect(text).not.toContain('forward_2');
    expect(text).toContain('def step(self, x, mask, past=None):\n        cache = Cache(past)');
    expect(text).toContain('self.attn(x, x, mask != 0, cache), cache.present');
    expect(classOf(text, 'Tiny')).toContain('return self.attn(x, x, mask != 0)  #');
  });

  it("gives torch's layers sizes that are lists", () => {
    const text = modelPy(`import { Conv2d } from "std"
    model Tiny {
      conv = Conv2d(4, 2, kernel = [3, 2], stride = [1, 2], padding = [1, 0], dilation = [2, 1], groups = 2)
      entry run(x: [B, 4, 8, 8]) -> (y: [B, 2, 6, 4]) { conv(x) }
    }`);
    expect(text).toContain('nn.Conv2d(4, 2, (3, 2), stride=(1, 2), padding=(1, 0), dilation=(2, 1), groups=2)');
  });

  it('divides and raises numbers of sizes as tensors, which have infinities', () => {
    const text = modelPy(`model Tiny {
      entry run(x: [T]) -> (y: [T], n: int[]) {
        let n = float(T - 1)
        (x * (1.0 / n) * n ** -0.5 * sqrt(n) * (n / 2.0), int(n))
      }
    }`);
    const made = (of: string): string => `torch.tensor(${of}, dtype=torch.float32, device=x.device)`;
    expect(text).toContain(`${made('1.0')} / n`);
    expect(text).toContain(`${made('n')} ** -0.5`);
    expect(text).toContain(`${made('n')}.sqrt()`);
    expect(text).toContain('(n / 2.0)');
    expect(text).toContain(`to_int64(${made('n')})`);
  });

  it('returns what an entry gives as numbers, too', () => {
    const text = modelPy('model Tiny { entry run(x: [B]) -> (n: int[], half: []) { (B, float(B) / 2.0) } }');
    expect(text).toContain(
      'return torch.tensor(B, device=x.device), torch.tensor(torch.sym_float(B) / 2.0, device=x.device)',
    );
  });

  it('has a method for each set of parameters that calls of one body read', () => {
    const text = modelPy(`module Either(n) {
      param w: [n] = ones()
      param u: [n] = ones()
      forward(x: [B, n], first = true) -> [B, n] { x * (w when first else u) }
    }
    model Tiny {
      a = Either(3)
      b = Either(3)
      entry other(x: [B, 3]) -> (y: [B, 3]) { a(x, false) + b(x, false) }
      entry run(x: [B, 3]) -> (y: [B, 3], z: [B, 3]) { (a(x), a(x, false) * b(x)) }
    }`);
    expect(text.match(/^class Either/gm)).toHaveLength(1);
    expect(classOf(text, 'Either').match(/return .*/g)).toEqual([
      'return x * self.u  # [B, 3]',
      'return x * self.w  # [B, 3]',
    ]);
    expect(text).toContain('return self.a(x) + self.b(x)');
    expect(text).toContain('return self.a.forward_2(x), self.a(x) * self.b.forward_2(x)');
  });

  it('calls the method that has the body of the call, whichever run it was written of', () => {
    const text = modelPy(`import { Linear } from "std"
    module Scaled(n) { fc = Linear(n, n)  forward(x: [..., n], s = 1.0) -> [..., n] { fc(x) * s } }
    model Tiny {
      a = Scaled(2)
      entry run(x: [B, 2], z: [B, T, 2]) -> (p: [B, 2], q: [B, 2], r: [B, T, 2]) { (a(x, 5.0), a(x, 7.0), a(z, 7.0)) }
    }`);
    expect(text).toContain('return self.a(x), self.a.forward_2(x), self.a.forward_2(z)');
  });

  it('drops each call at its own rate', () => {
    const text = modelPy(`module Drop() { forward(x: [B], p = 0.1) -> [B] { dropout(x, p) } }
    model Tiny { d = Drop()  entry run(x: [B]) -> (y: [B]) { d(x) + d(x, 0.9) } }`);
    expect(text).toContain('F.dropout(x, 0.1, self.training)');
    expect(text).toContain('F.dropout(x, 0.9, self.training)');
    expect(text).toContain('self.d(x) + self.d.forward_2(x)');
  });

  it('drops in training only', () => {
    const text = modelPy('model Tiny { entry run(x: [B]) -> (y: [B]) { dropout(x, 0.25) } }');
    expect(text).toContain('F.dropout(x, 0.25, self.training)');
  });

  it('keeps the order of what asks the runtime for something', () => {
    const text = modelPy(`model Tiny {
      entry run(x: [B, 2, T, 4]) -> (y: [B, 2, P + T, 4]) cache P "past" -> "present" {
        let first = cached(x, "first")
        let second = cached(x * 2.0, "second")
        second - first
      }
    }`);
    expect(text.indexOf('first = extended(')).toBeGreaterThan(-1);
    expect(text.indexOf('first = extended(')).toBeLessThan(text.indexOf('second = extended('));
  });
});

it('every op has an expression, or a reason why it has none', () => {
  expect(Object.keys(LOWERINGS).sort()).toEqual([...OP_NAMES].sort());
  const refused = Object.entries(LOWERINGS).flatMap(([op, rule]) =>
    'refused' in rule ? [[op, rule.refused] as const] : [],
  );
  expect(refused.map(([op]) => op).sort()).toEqual(
    [
      'attention_grad',
      'barrier',
      'conv2d_grad_weight',
      'max_pool2d_grad',
      'random_uniform',
      'upstream_gradient',
      'with_gradient',
    ].sort(),
  );
  for (const [, reason] of refused) expect(reason.length).toBeGreaterThan(20);
});
