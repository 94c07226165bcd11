/** What names stand for, as an editor asks: definitions, references and renames, across files and into std. */
import { describe, expect, it } from 'vitest';
import { mdlLexer } from '../../grammar/tokens.ts';
import type { Definition } from '../../src/compiler/check/binding.ts';
import type { NameTable } from '../../src/compiler/check/name-table.ts';
import type { SourceHost } from '../../src/compiler/check/program.ts';
import { rename } from '../../src/compiler/check/rename.ts';
import { formatPosition } from '../../src/compiler/diagnostics/span.ts';
import { compile } from '../../src/compiler/index.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { STD_FILES } from '../../src/compiler/std/std.generated.ts';
import { memory, repository } from '../support/project.ts';

const MODEL = 'models/tinygpt-v.mdl';
const FILES = [MODEL, 'models/eva-vit.mdl', 'models/q-former.mdl', 'models/phi-2.mdl'];

function tableOf(path: string, host: SourceHost): NameTable {
  const { names, diagnostics } = compile(path, host);
  expect(diagnostics().map(({ code, message }) => `${code} ${message}`)).toEqual([]);
  return names!;
}

const std = STD_FILES['std.mdl']!;

/** `std.mdl:6:8`: where `|` lies in a piece of std, whatever is above it. */
function inStd(piece: string): string {
  const offset = std.indexOf(piece.replace('|', ''));
  if (offset < 0) throw new Error(`std has no ${piece}`);
  const before = std.slice(0, offset + piece.indexOf('|')).split('\n');
  return `std.mdl:${before.length}:${before.at(-1)!.length + 1}`;
}

const place = ({ span }: Definition): string => formatPosition(span.source, span.start).replace('models/', '');
const tinygptv = tableOf(MODEL, repository);
const text = repository.read(MODEL)!;

/** What the name at `|` in a piece of the model's text stands for. */
function at(piece: string): string {
  const offset = text.indexOf(piece.replace('|', ''));
  expect(offset, piece).toBeGreaterThan(0);
  const use = tinygptv.at(MODEL, offset + piece.indexOf('|'));
  return use ? `${use.definition.kind} ${use.definition.name} ${place(use.definition)}` : 'nothing';
}

describe('in TinyGPT-V', () => {
  it.each([
    ['import { LayerNorm, |Linear', `module Linear ${inStd('module |Linear(')}`],
    ['import { |PhiForCausalLM', 'module PhiForCausalLM phi-2.mdl:66:8'],
    ['config nano extends |full', 'config full tinygpt-v.mdl:15:8'],
    ['vit { |image_size = 448 }', 'config field image_size tinygpt-v.mdl:17:5'],
    ['(vit.|image_size / vit', 'config field image_size tinygpt-v.mdl:17:5'],
    ['batch training.|batch[0]', 'config field batch tinygpt-v.mdl:44:5'],
    ['= |normal(0.02)', 'nothing'],
    ['normal(0.02) when |q_former', 'flag q_former tinygpt-v.mdl:10:6'],
    ['r = |lora.r', 'config field lora tinygpt-v.mdl:30:3'],
    ['r = lora.|r', 'config field r tinygpt-v.mdl:30:10'],
    ['LoRA(|r = lora.r', `argument r ${inStd('adapter LoRA(|r')}`],
    ['lora.dropout) when |lora', 'flag lora tinygpt-v.mdl:8:6'],
    ['set |lora = false', 'flag lora tinygpt-v.mdl:8:6'],
    ['LayerNorm(vit.embed_dim, |eps', `argument eps ${inStd('module LayerNorm(normalized_shape, |eps')}`],
    ['|Qformer(query_tokens', 'submodule Qformer tinygpt-v.mdl:84:3'],
    ['let projected = llama_proj(|tokens)', 'let tokens tinygpt-v.mdl:91:9'],
    ['llama_model.|model.embed_tokens(where', 'submodule model phi-2.mdl:67:3'],
    ['llama_model.model.|embed_tokens(where', 'submodule embed_tokens phi-2.mdl:51:3'],
    ['(logits: [B, |T, phi.vocab_size]) cache', 'dimension T tinygpt-v.mdl:111:24'],
    ['cache |P "past', 'dimension P tinygpt-v.mdl:111:68'],
    ['reshape(is_image, [|B, T, 1])', 'dimension B tinygpt-v.mdl:118:74'],
    ['gather(|table, slot', 'let table tinygpt-v.mdl:125:9'],
    ['(|next_token_loss(logits', `function next_token_loss ${inStd('fn |next_token_loss(')}`],
  ])('%s', (piece, expected) => expect(at(piece)).toBe(expected));

  it('knows the fields of a record that is passed as an argument', () => {
    const path = 'models/eva-vit.mdl';
    const offset = repository.read(path)!.indexOf('.embed_dim') + 1;
    expect(place(tinygptv.at(path, offset)!.definition)).toBe('tinygpt-v.mdl:17:40');
  });

  it('leaves out only words that are no names of MDL', () => {
    const known = new Set(tinygptv.namesIn(MODEL).map(({ span }) => span.start));
    const { tokens } = mdlLexer.tokenize(text);
    const others = tokens.filter(
      ({ tokenType, startOffset }) => tokenType.name === 'Identifier' && !known.has(startOffset),
    );
    const builtins = 'concat cumsum full gather int normal rearrange reshape where'.split(' ');
    const argumentsOfBuiltins = 'axis four'.split(' ');
    const clauses = 'average batch clip data end image_size optimize schedule seed tasks template'.split(' ');
    const optimisers =
      'adamw betas epochs eps iters linear_warmup_cosine lr min_lr warmup warmup_lr weight_decay'.split(' ');
    const patterns =
      `bias bn dense final_layernorm input_layernorm k_layernorm layers ln llama_model llama_proj llama_proj2 lora_
      model post_layernorm q_layernorm query_key_value self_attn weight`.split(/\s+/);
    const recipe = 'background bos eos exif_orientation image_token max_positions mean pad std tokenizer'.split(' ');
    const layouts = 'holds initial optional own under unused query_tokens ln_vision Qformer'.split(' ');
    const words = new Set([
      ...layouts,
      ...builtins,
      ...argumentsOfBuiltins,
      ...clauses,
      ...optimisers,
      ...patterns,
      ...recipe,
    ]);
    expect(others.map(({ image }) => image).filter((word) => !words.has(word))).toEqual([]);
    expect(tinygptv.open).toEqual([]);
  });

  it('compiles to the same graphs with every name that may be renamed renamed', () => {
    const definitions = FILES.flatMap((path) => tinygptv.definitionsIn(path));
    const edits = definitions.flatMap((definition, index) => {
      const renamed = rename(tinygptv, definition, `${definition.name}_r${index}`);
      return 'edits' in renamed ? renamed.edits : [];
    });
    expect(edits.length).toBeGreaterThan(700);
    const edited: SourceHost = {
      read(path) {
        const ordered = edits.filter(({ span }) => span.source.path === path);
        ordered.sort((a, b) => b.span.start - a.span.start);
        return ordered.reduce<string | undefined>(
          (source, { span, replacement }) => source?.slice(0, span.start).concat(replacement, source.slice(span.end)),
          repository.read(path),
        );
      },
    };
    const withoutOrigins = (graph: string): string => graph.replaceAll(/ {2}@ .*$/gm, '').replaceAll(/_r\d+\b/g, '');
    const graphs = (host: SourceHost, config: string): string[] => {
      const compilation = compile(MODEL, host, { config });
      expect(compilation.diagnostics().map(({ message }) => message)).toEqual([]);
      const model = compilation.model!;
      return model.entries.map((entry) => withoutOrigins(printGraph(model.entry(entry)!.graph)));
    };
    const nano = definitions.findIndex(({ kind, name }) => kind === 'config' && name === 'nano');
    expect(graphs(edited, `nano_r${nano}`)).toEqual(graphs(repository, 'nano'));
  });
});

const FILE = `import { Linear as L, LayerNorm } from "std"
import { Block } from "./block.mdl"
flag big = true
config c { d = 4, part { d = 2 } }
config e extends c { part { d = 3 } }
fn twice(x) { x + x }
model M {
  let half = d / 2 when big else 1
  first = L(d, half)
  blocks = [Block(part, width = n) for n in [d, d]]
  norm = LayerNorm(d)
  entry main(x: [B, d]) -> (out: [B, d]) {
    let y = twice(x)
    for block in blocks { y = block(y, scale = 2) }
    y
  }
}
stage s { train ** set big = false optimize adamw() schedule constant(lr = 0.1) batch part.d }
`;
const BLOCK = `module Block(config, width) {
  param w: [width, config.d] = ones()
  forward(x, scale) { x * scale + sum(w) }
}
`;
const HOST = memory({ 'main.mdl': FILE, 'block.mdl': BLOCK });

describe('references', () => {
  const table = compile('main.mdl', HOST).names!;
  const references = (file: string, piece: string): string[] => {
    const source = HOST.read(file)!;
    const use = table.at(file, source.indexOf(piece.replace('|', '')) + piece.indexOf('|'));
    return table.references(use!.definition).map(({ source, start, end }) => {
      return `${formatPosition(source, start)} ${source.text.slice(start, end)}`;
    });
  };
  it.each([
    [
      'a field of a record, also through an argument',
      '{ |d = 2 }',
      'block.mdl:2:27 d, main.mdl:18:92 d, main.mdl:4:26 d, main.mdl:5:29 d',
    ],
    [
      'a field of the whole config',
      'c { |d = 4',
      'main.mdl:10:46 d, main.mdl:10:49 d, main.mdl:11:20 d, main.mdl:12:21 d, main.mdl:12:38 d, main.mdl:4:12 d, main.mdl:8:14 d, main.mdl:9:13 d',
    ],
    ['another name for an import', 'first = |L(', 'main.mdl:1:20 L, main.mdl:9:11 L'],
    ['a flag', 'flag |big', 'main.mdl:18:24 big, main.mdl:3:6 big, main.mdl:8:25 big'],
    ['a local that is assigned', 'let |y', 'main.mdl:13:9 y, main.mdl:14:27 y, main.mdl:14:37 y, main.mdl:15:5 y'],
    ['an argument by its name', '|width = n', 'block.mdl:1:22 width, block.mdl:2:13 width, main.mdl:10:25 width'],
    [
      'an argument of a forward, of an item of a list',
      '|scale = 2',
      'block.mdl:3:14 scale, block.mdl:3:27 scale, main.mdl:14:40 scale',
    ],
    ['a dimension', '[|B, d])', 'main.mdl:12:18 B, main.mdl:12:35 B'],
    ['a function', 'fn |twice', 'main.mdl:13:13 twice, main.mdl:6:4 twice'],
  ])('of %s', (_, piece, expected) => expect(references('main.mdl', piece).sort().join(', ')).toBe(expected));

  it('end where a name ends, and are none between names', () => {
    const start = FILE.indexOf('first');
    expect(table.at('main.mdl', start + 5)?.definition.name).toBe('first');
    expect(table.at('main.mdl', start + 6)).toBeUndefined();
    expect(table.at('nowhere.mdl', 0)).toBeUndefined();
  });

  it('of another name lead to what it stands for', () => {
    expect(table.at('main.mdl', FILE.indexOf('L(d'))?.definition.target).toMatchObject({
      kind: 'module',
      name: 'Linear',
    });
  });
});

describe('renames that are refused', () => {
  const open = compile(
    'main.mdl',
    memory({ 'main.mdl': 'fn f(x) { x.inner }\nmodel M { let inner = 1 let b = inner }' }),
  ).names!;
  const table = compile('main.mdl', HOST).names!;
  const refuse = (piece: string, to: string, names = table, file = FILE): unknown => {
    const { definition } = names.at('main.mdl', file.indexOf(piece.replace('|', '')) + piece.indexOf('|'))!;
    return rename(names, definition, to);
  };
  it.each([
    ['of the standard library', '|LayerNorm(d)', 'Norm', 'LayerNorm belongs to the standard library'],
    [
      'of parts of checkpoint keys',
      '|first = L',
      'other',
      'first is part of checkpoint keys and of patterns that name them: give it another name and `key "first"` by hand',
    ],
    ['to no name', 'let |half', '2nd', '"2nd" is no name: one is made of letters, digits and _'],
    ['to a built-in function', 'let |half', 'relu', 'relu is a word of the language or a built-in function'],
    ['of a dimension to one in lower case', '[|B, d])', 'b', 'B is a dimension, and those start with a capital'],
    ['to a name that is there', 'let |half', 'norm', 'main.mdl has a name norm already'],
  ])('%s', (_, piece, to, refused) => expect(refuse(piece, to)).toEqual({ refused }));

  it('where a member of something unknown has the name', () => {
    const file = 'fn f(x) { x.inner }\nmodel M { let inner = 1 let b = inner }';
    expect(refuse('let |inner', 'other', open, file)).toEqual({
      refused: 'what inner stands for is not known in main.mdl',
    });
  });
});
