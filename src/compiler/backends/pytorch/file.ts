/** model.py: imports, helpers, a class for each module, and how weights are loaded. */

import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { ModuleInstance } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import type { BodyRun } from '../../elaborate/record.ts';
import { Recorder } from '../../elaborate/record.ts';
import { type Recording, updatesIn } from './bodies.ts';
import { anyQuestionOf } from './branches.ts';
import { HELPERS } from './helpers.ts';
import { initialValues, torchLayer } from './layers.ts';
import { indented } from './layout.ts';
import { Functions } from './program.ts';
import { comment, docString, isIdentifier, string } from './python.ts';
import { DROPS } from './reserved.ts';
import { isList, Tree, type TreeNode } from './tree.ts';

/** model.py, and the name of the model's class in it. */
export interface ModelFile {
  readonly text: string;
  readonly root: string;
  /** its method for an entry: another name where torch has the entry's */
  readonly methods: ReadonlyMap<string, string>;
}

/**
 * The model's entries as one file of Python.
 * @param forward the entry that torch calls, where it is one of them
 * @throws TorchProblem, DiagnosticError
 */
export function modelFile(
  model: Model,
  entries: readonly string[],
  { head, forward }: { readonly head: readonly string[]; readonly forward: string },
): ModelFile {
  const traced = entries.map((name) => recorded(model, name, false));
  const asks = traced.some(({ entry }) => anyQuestionOf(entry) !== undefined);
  const training = asks ? entries.map((name) => recorded(model, name, true)) : [];
  const caches = traced.some(({ cached }) => cached);
  const recordings = [...traced, ...training].map((recording) => ({ ...recording, caches }));
  const tree = new Tree(model.root);
  const functions = new Functions(tree, recordings);
  const called = recordings[entries.indexOf(forward)]?.entry;
  const classes = new Classes(tree, functions, called);
  const root = classes.nameOf(tree.root);
  const helpers = Object.entries(HELPERS).filter(([name]) => functions.helpers.has(name as never));
  const bodies = [...functions.free, ...classes.texts];
  // of a body that another's text serves too, the class is not called
  const gradients = [...functions.gradients].filter(([name]) =>
    bodies.some((lines) => lines.some((line) => line.includes(`${name}.apply(`))),
  );
  const methods = new Map(entries.map((name, i) => [name, functions.variantOf(recordings[i]!.entry).name]));
  const blocks = [
    [...docString(head.join('\n'))],
    [
      'import json',
      'from pathlib import Path',
      '',
      'import torch',
      'import torch.nn.functional as F',
      'from torch import nn',
    ],
    ...helpers.map(([, text]) => ['', ...text.split('\n')]),
    ...gradients.map(([name, lines]) => ['', `class ${name}(torch.autograd.Function):`, ...indented(lines)]),
    ...bodies.map((lines) => ['', ...lines]),
    ['', ...loading(root).split('\n')],
  ];
  return { text: `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`, root, methods };
}

/** @throws DiagnosticError for what is wrong in training alone */
function recorded(model: Model, name: string, training: boolean): Omit<Recording, 'caches'> {
  const record = new Recorder();
  const traced = model.entry(name, [], { record, ...(training ? { training: { dropout: true } } : {}) });
  if (!traced) throw new DiagnosticError(model.diagnostics);
  const { graph, cache } = traced;
  const parameterIds = new Map(graph.parameters.map(({ key, value }) => [key, value]));
  const keys = new Map([
    ...graph.parameters.map(({ key, value }) => [value, key] as const),
    ...updatesIn(record.entry.steps),
  ]);
  return { graph, entry: record.entry, parameterIds, keys, training, cached: cache.length > 0 };
}

class Classes {
  readonly texts: string[][] = [];
  private readonly tree: Tree;
  private readonly functions: Functions;
  private readonly called: BodyRun | undefined;
  private readonly byText = new Map<string, string>();

  /** @param called the entry that torch calls */
  constructor(tree: Tree, functions: Functions, called: BodyRun | undefined) {
    this.called = called;
    this.tree = tree;
    this.functions = functions;
  }

  /** The class of a module; equal ones share it. Classes of its members are written before. */
  nameOf(node: TreeNode): string {
    const instance = node.instance!;
    const members = this.members('self', node);
    const methods = this.functions.methodsOf(instance);
    const init = ['def __init__(self):', ...indented(['super().__init__()', ...members])];
    const forward = node === this.tree.root ? this.forward(methods) : [];
    const drops = this.functions.asks(instance) ? [[`${DROPS} = True  # whether dropout drops in training`]] : [];
    const body = [...drops, ...(members.length > 0 ? [init] : []), ...methods, ...forward];
    const name = instance.adapter ? `${instance.adapter.declaration.name.text}${title(instance)}` : title(instance);
    const code = `${name}\n${body.map((lines) => lines.map(withoutNote).join('\n')).join('\n')}`;
    const known = this.byText.get(code);
    if (known !== undefined) return known;
    const own = this.functions.globals.take(name);
    this.byText.set(code, own);
    const { doc, span } = (instance.adapter ?? instance).declaration;
    const parts = [...(doc === '' ? [] : [docString(doc)]), ...(body.length === 0 && doc === '' ? [['pass']] : body)];
    const separated = parts.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
    this.texts.push([comment(span.source.path), `class ${own}(nn.Module):`, ...indented(separated)]);
    return own;
  }

  /** What torch calls where it is given a module: the loss, which trains, or else the last entry. */
  private forward(methods: readonly (readonly string[])[]): string[][] {
    const names = methods.map(([first]) => /^def (\w+)/.exec(first!)![1]!);
    if (names.includes('forward')) return [];
    const entry = this.called ? this.functions.variantOf(this.called).name : names.at(-1);
    if (entry === undefined) return [];
    return [
      [
        'def forward(self, *args, **kwargs):',
        ...indented([`"""What torch calls: ${entry}."""`, `return self.${entry}(*args, **kwargs)`]),
      ],
    ];
  }

  private members(object: string, node: TreeNode): string[] {
    return [...node.children].flatMap(([name, child]) => this.memberOf(object, name, child));
  }

  private memberOf(object: string, name: string, child: TreeNode): string[] {
    const { parameter } = child;
    const plain = isIdentifier(name);
    if (parameter) {
      const value = initialValues(parameter.initializer, parameter.shape, parameter.dtype);
      if (parameter.buffer) return [`${object}.register_buffer(${string(name)}, ${value})`];
      const made = `nn.Parameter(${value})`;
      return [plain ? `${object}.${name} = ${made}` : `${object}.register_parameter(${string(name)}, ${made})`];
    }
    const set = (value: string): string =>
      plain ? `${object}.${name} = ${value}` : `${object}.add_module(${string(name)}, ${value})`;
    if (child.instance) return [set(this.made(child))];
    if (isList(child)) return this.list(child, set);
    const inner = plain ? `${object}.${name}` : `getattr(${object}, ${string(name)})`;
    return [set('nn.Module()'), ...this.members(inner, child)];
  }

  private made(node: TreeNode): string {
    if (node.instance) return torchLayer(node.instance) ?? `${this.nameOf(node)}()`;
    return '';
  }

  private list(node: TreeNode, set: (value: string) => string): string[] {
    const items = [...node.children.values()].map((child) => this.listItem(child));
    const [first] = items;
    if (items.length > 1 && items.every((item) => item === first))
      return [set(`nn.ModuleList(${first} for _ in range(${items.length}))`)];
    const lines = set('nn.ModuleList(LIST)').split('LIST');
    return [`${lines[0]}[`, ...indented(items.map((item) => `${item},`)), `]${lines[1]}`];
  }

  private listItem(node: TreeNode): string {
    if (node.instance) return this.made(node);
    const items = [...node.children.values()].map((child) => this.listItem(child));
    return `nn.ModuleList([${items.join(', ')}])`;
  }
}

const title = ({ declaration }: ModuleInstance): string => declaration.name.text;
const withoutNote = (line: string): string => line.replace(/ {2}# .*$/, '').replace(/^\s*# .*$/, '');

const loading = (root: string): string => `def read_safetensors(path):
    """The tensors of a safetensors file, by key."""
    data = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "BOOL": torch.bool}
    tensors = {}
    for key, entry in json.loads(data[8:start]).items():
        if key != "__metadata__":
            begin, end = entry["data_offsets"]
            raw = torch.frombuffer(data[start + begin : start + end], dtype=torch.uint8) if end > begin else torch.empty(0, dtype=torch.uint8)
            tensors[key] = raw.view(kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def load(path=Path(__file__).with_name("model.safetensors")):
    """The model with the weights of a safetensors file, which has each of its keys and no other."""
    model = ${root}()
    model.load_state_dict(read_safetensors(path), strict=True)
    return model`;
