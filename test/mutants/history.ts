/** Faults that shipped and were mended before this gate was made; the commit of each stands beside it. */
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'pad(x) + pad(y) becomes a concat also where one is stretched to the other: wrong numbers (7a0fe00)',
    file: 'src/compiler/passes/simplify.ts',
    find: '  if (!equalShapes(rewriter.typeOf(a).shape, rewriter.typeOf(b).shape)) return undefined; // one is stretched\n',
    replace: '',
    test: 'test/passes/passes.test.ts',
    fails: 'blocks of which one is stretched to the other',
  },
  {
    fault: 'a statement that no output depends on may be wrong without a word (7a0fe00)',
    file: 'src/compiler/elaborate/model.ts',
    find: 'return e.errors === before ? traced : undefined;',
    replace: 'return traced;',
    test: 'test/cli/compile.test.ts',
    fails: 'a mistake that no output depends on is an error, for both targets, and leaves nothing behind',
  },
  {
    fault:
      'an instance that is off gives back the first argument as written, not that of the first parameter (7a0fe00)',
    file: 'src/compiler/elaborate/body-checks.ts',
    find: '  return first && args.get(first.name.text);',
    replace: '  return first && [...args.values()][0];',
    test: 'test/language/modules.test.ts',
    fails: 'the first parameter, that is, in whatever order the call gives them, and lists among them',
  },
  {
    fault: 'layer_norm(x, bias = b) leaves its bias out (7a0fe00)',
    file: 'src/compiler/elaborate/builtins/tensors.ts',
    find: 'if (weight.length === 0 && bias.length > 0)',
    replace: 'if (weight.length === 9)',
    test: 'test/language/builtin-types.test.ts',
    fails: 'layer_norm with a bias and no weight would leave the bias out',
  },
  {
    fault: 'an rsLoRA adapter is read with the scaling of LoRA (5786a81)',
    file: 'src/runtime/peft-config.ts',
    find: 'return use_rslora === true ? Number(lora_alpha) * Math.sqrt(Number(r)) : lora_alpha;',
    replace: 'return use_rslora === 0 ? Number(lora_alpha) * Math.sqrt(Number(r)) : lora_alpha;',
    test: 'test/runtime/peft-scaling.test.ts',
    fails: 'rank-stabilised LoRA divides by the root of the rank',
  },
  {
    fault: 'blocks padded with another number than zero are joined as if they were beside zeros',
    file: 'src/compiler/passes/simplify.ts',
    find: 'if (!p || !q || p.attributes.value !== 0 || q.attributes.value !== 0) return undefined;',
    replace: 'if (!p || !q) return undefined;',
    test: 'test/passes/passes.test.ts',
    fails: 'blocks in something else than zeros',
  },
];
