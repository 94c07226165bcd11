/** Kernels with equal signatures are written once; a plan is the same, byte for byte, as if each were written anew. */
import { describe, expect, it } from 'vitest';
import type { Profile } from '../../../src/compiler/backends/wgsl/families/contract.ts';
import { lowerEntry, PlanTables } from '../../../src/compiler/backends/wgsl/index.ts';
import type { Signature } from '../../../src/compiler/backends/wgsl/plan/signature.ts';
import type { Emitted } from '../../../src/compiler/backends/wgsl/text/emit.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { arenasOf } from '../../../src/compiler/training/arenas.ts';
import { trainedParameter } from '../../../src/compiler/training/plan.ts';
import { gradientGraph } from '../../../src/compiler/training/step.ts';
import { compileOk, memory, repository } from '../../support/project.ts';

class Anew extends PlanTables {
  written = 0;

  override emitted(_signature: Signature, _profile: Profile, make: () => Emitted): Emitted {
    this.written++;
    return make();
  }

  override common(_signature: Signature, make: () => string): string {
    return make();
  }
}

class Counted extends PlanTables {
  written = 0;

  override emitted(signature: Signature, profile: Profile, make: () => Emitted): Emitted {
    return super.emitted(signature, profile, () => {
      this.written++;
      return make();
    });
  }
}

describe('a plan whose equal kernels are written once', () => {
  it.each([
    ['models/tinygpt-v.mdl', 'nano', 'f32', 0.7],
    ['models/tinygpt-v.mdl', 'nano', 'f16', 0.7],
    ['examples/gpt.mdl', undefined, 'f32', 0.7],
    ['examples/vit.mdl', undefined, 'f32', 0.5],
  ] as const)('of %s (%s, %s)', (file, config, storage, most) => {
    const model = compileOk(file, repository, config === undefined ? {} : { config });
    const [anew, once] = [new Anew(storage), new Counted(storage)];
    for (const name of model.entries) {
      const { graph, cache } = model.entry(name)!;
      const finished = runPipeline(graph);
      expect(JSON.stringify(lowerEntry(finished, once, { cache }))).toBe(
        JSON.stringify(lowerEntry(finished, anew, { cache })),
      );
    }
    expect(once.kernels).toEqual(anew.kernels);
    expect(once.written).toBeLessThan(most * anew.written);
  });

  it('of gradients, and of values that only a constant, an attribute or an order tells apart', () => {
    const model = compileOk(
      'm.mdl',
      memory({
        'm.mdl': `import { LayerNorm, Linear } from "std"
config base { d = 8 }
module Block(d, scale) {
  norm = LayerNorm(d)
  fc = Linear(d, d)
  forward(x: [B, d]) -> [B, d] { (fc(norm(x)) * scale + x) * 0.5 + sum(x, axes = [-1], keepdims = true) / scale }
}
model M {
  blocks = [Block(d, i + 1.0) for i in range(4)]
  last = Block(d, 2.0)
  entry loss(x: [B, d], y: [B, d]) -> (loss: []) {
    let h = x
    for block in blocks { h = block(h) }
    let gap = last(h) - last(y)
    mean(gap * gap)
  }
}
`,
      }),
    );
    const loss = runPipeline(model.entry('loss')!.graph);
    const gradient = gradientGraph(model, new Set(model.parameters.keys()), { dropout: false, recompute: false })!;
    const trained = [...model.parameters.values()].map((parameter) =>
      trainedParameter(parameter, { noDecay: new Set() }),
    );
    const inArenas = gradientGraph(model, new Set(model.parameters.keys()), {
      dropout: false,
      arenas: (keys) =>
        arenasOf(
          keys.map((key) => trained.find((one) => one.key === key)!),
          256,
        ),
    })!;
    const [anew, once] = [new Anew(), new Counted()];
    for (const graph of [loss, gradient.graph, inArenas.graph])
      expect(JSON.stringify(lowerEntry(graph, once))).toBe(JSON.stringify(lowerEntry(graph, anew)));
    expect(once.kernels).toEqual(anew.kernels);
    expect(once.written).toBeLessThan(anew.written);
  });
});
