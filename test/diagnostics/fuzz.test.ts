/**
 * Mutated models: whatever stands in a file, compiling it and tracing its entries ends in diagnostics or a model, never
 * in an exception. The models are those of the repository and the standard library, with tokens deleted, repeated,
 * swapped, replaced and inserted, numbers changed and ends cut off; and a small one with deep nests in every place, of
 * which all that is valid is compiled for both targets.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegerError } from '../../src/compiler/backends/wgsl/plan/integer-error.ts';
import { LimitError } from '../../src/compiler/backends/wgsl/plan/limit-error.ts';
import type { SourceHost } from '../../src/compiler/check/program.ts';
import { renderDiagnostics } from '../../src/compiler/diagnostics/render.ts';
import { compile, type ModelOptions } from '../../src/compiler/index.ts';
import { buildOnnx, buildWebGpu } from '../support/build.ts';
import { memory, repository } from '../support/project.ts';
import { type Mutation, mutate, mutation, nest, place } from './mutations.ts';
import { diagnoseProgram } from './support.ts';

const MODELS = ['tinygpt-v', 'eva-vit', 'q-former', 'phi-2'].map((name) => `models/${name}.mdl`);
/** std as if it were somebody's own file, with a model that uses it */
const OWN_STD = 'models/own-std.mdl';
const STD_MODEL = `
model Own {
  mlp = MLP(8, 16)
  heads = MultiHeadAttention(8, 2)
  norm = LayerNorm(8)
  entry run(x: [B, T, 8]) -> (y: [B, T, 8]) { x |> norm |> mlp |> heads(x) }
  entry loss(x: [B, T, 8], labels: int[B, T]) -> (loss: []) { next_token_loss(x, labels) }
}
adapt mlp.fc1 with LoRA(r = 2, alpha = 4)
`;

function read(path: string): string {
  return path === OWN_STD ? repository.read('src/compiler/std/std.mdl')! + STD_MODEL : repository.read(path)!;
}

function compileMutated(path: string, mutations: readonly Mutation[]): void {
  const mutated = mutate(read(path), mutations);
  const host: SourceHost = { read: (asked) => (asked === path ? mutated : repository.read(asked)) };
  const root = path === OWN_STD ? OWN_STD : 'models/tinygpt-v.mdl';
  const diagnostics = diagnoseProgram(root, host, { config: 'nano' });
  renderDiagnostics(diagnostics);
}

const RUNS = Number(process.env.MDL_FUZZ_RUNS ?? 60);
/** of a model whose compilation takes a good part of a second */
const LARGE_RUNS = Math.ceil(RUNS / 8);

it('the files compile as they are, so that mutations reach every phase', () => {
  expect(diagnoseProgram('models/tinygpt-v.mdl', repository, { config: 'nano' })).toEqual([]);
  const host: SourceHost = { read: (asked) => (asked === OWN_STD ? read(OWN_STD) : undefined) };
  expect(diagnoseProgram(OWN_STD, host)).toEqual([]);
});

describe('a mutated file ends in diagnostics or a model, never in an exception', () => {
  for (const path of [...MODELS, OWN_STD]) {
    it(`one to three mutations of ${path}`, () => {
      fc.assert(
        fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => compileMutated(path, mutations)),
        {
          seed: Number(process.env.MDL_FUZZ_SEED ?? 20240229),
          numRuns: path === OWN_STD ? RUNS : LARGE_RUNS,
          endOnFailure: true,
        },
      );
    });

    it(`${path} cut off anywhere`, () => {
      fc.assert(
        fc.property(place, (at) => compileMutated(path, [{ kind: 'truncate', at }])),
        { seed: 7, numRuns: LARGE_RUNS, endOnFailure: true },
      );
    });
  }
});

// ── the whole pipeline ─────────────────────────────────────────────────────────────────────────
/** `@body` and the like are the places that a nest takes the place of. */
const SMALL = `
import { Linear, LayerNorm, MultiHeadAttention, LoRA } from "std"
flag wide = true
config base { d = 8  heads = 2  inner { size = @field } }
fn twice(x) { @fn x + x }
module Block(d, n, extra = @default) {
  norm = LayerNorm(d)
  attention = MultiHeadAttention(d, n) when wide
  fc = Linear(d, d)
  let scale = @let
  param table: [4, d + @dim] = normal(0.02)
  forward(x: [B, T, d]) -> [B, T, d] {
    for i in range(@bound) { x = x + fc(norm(x)) / (i + 1) }
    let rows = gather(table, iota(T))
    if wide { (x |> attention(x)) + rows } else { x + rows }
  }
}
model Small {
  blocks = [Block(d, heads) for i in range(2)]
  entry run(x: [B, T, d]) -> (y: [B, T, d]) {
    for block in blocks { x = block(x) }
    let flat = rearrange(x, "b t (h k) -> (b h) t k", h = heads)
    x * mean(softmax(flat)) + @body
  }
  entry loss(x: [B, T, d], labels: int[B, T]) -> (loss: []) {
    mean(x[:, -1]) + cross_entropy(reshape(x, [B * T, d]), reshape(labels, [B * T]))
  }
}
adapt blocks[*].fc with LoRA(r = 2, alpha = @argument)
stage one { train @pattern  optimize adamw()  schedule constant(lr = @clause) }
`;

const PLACES: Readonly<Record<string, string>> = {
  field: '3',
  fn: '',
  default: '1',
  let: '1',
  dim: '0',
  bound: '2',
  body: 'x',
  argument: '4',
  pattern: 'blocks',
  clause: '0.1',
};

function small(replaced: Readonly<Record<string, string>> = {}): string {
  return SMALL.replace(/@(\w+)/g, (_, name: string) => replaced[name] ?? PLACES[name]!);
}

/** Compiles a program as far as it goes. What a target may refuse is an error of its own; all else is in diagnostics. */
function wholePipeline(text: string, options: ModelOptions = {}): boolean {
  const { model, partial, bag } = compile('main.mdl', memory({ 'main.mdl': text }), options);
  for (const entry of partial?.entries ?? []) partial?.entry(entry);
  renderDiagnostics(bag.sorted());
  if (!model || bag.hasErrors) return false;
  for (const opset of [17, 23] as const) expect(buildOnnx(model, { opset })).toBeDefined();
  try {
    expect(buildWebGpu(model)).toBeDefined();
  } catch (error) {
    if (!(error instanceof LimitError || error instanceof IntegerError)) throw error;
  }
  return true;
}

describe('the whole pipeline ends in diagnostics or a file for each target', () => {
  const settings = { seed: Number(process.env.MDL_FUZZ_SEED ?? 20240229), endOnFailure: true };

  it('compiles the small model as it is', () => {
    expect(diagnoseProgram('main.mdl', memory({ 'main.mdl': small() }))).toEqual([]);
    expect(wholePipeline(small())).toBe(true);
  });

  it.each(Object.keys(PLACES))('a nest at @%s', (name) => {
    fc.assert(
      fc.property(nest, (text) => void wholePipeline(small({ [name]: text }))),
      { ...settings, numRuns: Math.ceil(RUNS / 3) },
    );
  });

  it('a nest between any two tokens', () => {
    const inserted = fc.record({ at: place, text: nest });
    fc.assert(
      fc.property(inserted, ({ at, text }) => void wholePipeline(mutate(small(), [{ kind: 'insert', at, text }]))),
      { ...settings, numRuns: RUNS },
    );
  });

  it('one or two mutations', () => {
    fc.assert(
      fc.property(
        fc.array(mutation, { minLength: 1, maxLength: 2 }),
        (mutations) => void wholePipeline(mutate(small(), mutations)),
      ),
      { ...settings, numRuns: RUNS },
    );
  });
});
