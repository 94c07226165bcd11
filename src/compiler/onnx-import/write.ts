/** The text of a program: modules from the innermost out, those that have the same text once. */
import { printDim, type Shape, symbolsOf } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../ir/graph.ts';
import { type Surroundings, writeBody } from './body.ts';
import type { Caches } from './caches.ts';
import type { PlacedTensor } from './keys.ts';
import { capitalised, identifier, Names, quoted } from './names.ts';
import { dims } from './operators.ts';
import { isVariable, renamedSizes, SizeNames } from './sizes.ts';
import { standardModule } from './standard.ts';
import { type Body, isList, type Mod } from './tree.ts';

export interface Written {
  readonly text: string;
  /** the model's key of each tensor */
  readonly keys: ReadonlyMap<ValueId, string>;
  /** names of inputs and outputs that are others than in the file: theirs, then the model's */
  readonly renamed: readonly (readonly [string, string])[];
}

export interface WriteOptions {
  /** of the model */
  readonly name: string;
  readonly entry: string;
  /** built-in functions and modules of std, which nothing may hide */
  readonly reserved: readonly string[];
  readonly caches: Caches | undefined;
}

const ELEMENT = { f32: '', i64: 'int', bool: 'bool' } as const satisfies Record<DType, string>;

export class ModuleWriter implements Surroundings {
  readonly graph: Graph;
  private readonly options: WriteOptions;
  private readonly sizes: SizeNames;
  private readonly classNames: Names;
  private readonly classes = new Map<string, string>();
  private readonly declarations: string[] = [];
  readonly imports = new Set<string>();
  /** the identifier of each member in its module */
  private readonly members = new Map<Mod | PlacedTensor, string>();
  private readonly owners = new Map<ValueId, { readonly module: Mod; readonly tensor: PlacedTensor }>();
  private readonly numbers: ReadonlyMap<ValueId, { readonly dtype: DType; readonly value: number }>;

  constructor(graph: Graph, root: Mod, options: WriteOptions) {
    this.graph = graph;
    this.options = options;
    const symbols = new Set(graph.types.flatMap(({ shape }) => shape.flatMap(symbolsOf)));
    this.sizes = new SizeNames(graph);
    this.classNames = new Names([...this.options.reserved, ...symbols, ...this.sizes.reserved, options.name]);
    this.numbers = new Map(
      graph.constants.map(({ value, tensor }) => [value, { dtype: tensor.dtype, value: tensor.data[0]! }]),
    );
    this.nameMembers(root);
  }

  write(root: Mod): Written {
    const keys = new Map([...this.owners].map(([value, { tensor }]) => [value, tensor.path.join('.')]));
    const { members } = this.parts(root);
    const entry = this.entry(root);
    const { name } = this.options;
    const imports = this.imports.size === 0 ? [] : [`import { ${[...this.imports].sort().join(', ')} } from "std"`];
    const model = `model ${name} {\n${[...members, entry.text].join('\n')}\n}\n`;
    return { text: [...imports, ...this.declarations, model].join('\n\n'), keys, renamed: entry.renamed };
  }

  cachedAs(node: AnyNode): string | undefined {
    return this.options.caches?.names.get(node);
  }

  numberOf(value: ValueId): { readonly dtype: DType; readonly value: number } | undefined {
    return this.numbers.get(value);
  }

  /** How a body of `module` names a tensor that lies in it or below it. */
  tensorPath(module: Mod, value: ValueId): string | undefined {
    const found = this.owners.get(value);
    if (!found) return undefined;
    const path = this.relative(module, found.module);
    const own = this.members.get(found.tensor)!;
    return path === undefined ? undefined : path === '' ? own : `${path}.${own}`;
  }

  /** How a body of `module` names a module below it. */
  modulePath(module: Mod, inner: Mod): string {
    return this.relative(module, inner)!;
  }

  private relative(outer: Mod, inner: Mod): string | undefined {
    if (inner === outer) return '';
    if (!inner.parent) return undefined;
    const above = this.relative(outer, inner.parent);
    if (above === undefined) return undefined;
    if (isList(inner.parent)) return `${above}[${inner.part}]`;
    return above === '' ? this.members.get(inner)! : `${above}.${this.members.get(inner)!}`;
  }

  /** Names that a body of the module may not give to its values. */
  takenIn(module: Mod): string[] {
    const own = [...module.tensors.values(), ...module.children.values()].map((member) => this.members.get(member)!);
    return [...this.options.reserved, ...own];
  }

  private nameMembers(module: Mod): void {
    const names = new Names(this.options.reserved);
    // what has its own name first, so that no other member takes it
    const all = [...module.tensors, ...module.children] as [string, PlacedTensor | Mod][];
    const free = ([part]: [string, unknown]): boolean => /^[a-z_][A-Za-z0-9_]*$/.test(part) && !names.has(part);
    for (const own of [true, false])
      for (const [part, member] of all.filter(
        (item) => this.members.get(item[1]) === undefined && free(item) === own,
      )) {
        const name = identifier(part, 'm');
        this.members.set(member, names.claim(own ? part : name[0]!.toLowerCase() + name.slice(1)));
      }
    for (const tensor of module.tensors.values()) this.owners.set(tensor.value, { module, tensor });
    for (const child of module.children.values()) this.nameMembers(child);
  }

  /** The members of a module as lines. */
  private parts(module: Mod): { readonly members: readonly string[] } {
    const tensors = [...module.tensors].map(([part, tensor]) => this.tensorLine(part, tensor));
    const children = [...module.children].map(([part, child]) => {
      const name = this.members.get(child)!;
      return `${name} = ${isList(child) ? this.list(child) : this.instance(child)}${key(name, part)}`;
    });
    return { members: [...tensors, ...children] };
  }

  private tensorLine(part: string, tensor: PlacedTensor): string {
    const name = this.members.get(tensor)!;
    const { trains, dtype, shape } = tensor;
    const start = trains && shape.length > 1 ? 'normal(0.02)' : 'zeros()';
    return `${trains ? 'param' : 'buffer'} ${name}: ${ELEMENT[dtype]}${dims(shape)} = ${start}${key(name, part)}`;
  }

  private list(module: Mod): string {
    const items = [...Array(module.children.size).keys()].map((index) =>
      this.instance(module.children.get(String(index))!),
    );
    const [first] = items;
    if (items.length > 1 && items.every((item) => item === first)) return `[${first} for i in range(${items.length})]`;
    return `[${items.join(', ')}]`;
  }

  /** `Linear(64, 32)`; declares the module where no equal one is. */
  private instance(module: Mod): string {
    const standard = standardModule(this.graph, module);
    if (standard) {
      this.imports.add(standard.name);
      return standard.text;
    }
    const { members } = this.parts(module);
    const forward = module.body ? [this.forward(module, module.body)] : [];
    const text = [...members, ...forward].join('\n');
    const before = this.classes.get(text);
    if (before !== undefined) return `${before}()`;
    const name = this.classNames.claim(this.className(module));
    this.classes.set(text, name);
    this.declarations.push(`module ${name}() {\n${text}\n}`);
    return `${name}()`;
  }

  /** `layers.3` is a Layer, `self_attn` a SelfAttn. */
  private className({ part, parent }: Mod): string {
    const listed = parent && isList(parent);
    const text = listed ? parent.part.replace(/(?<=..)s$/, '') : part;
    return capitalised(text, 'Module');
  }

  private forward(module: Mod, body: Body): string {
    const names = new Names(this.takenIn(module));
    const bound = new Set<string>();
    const inputs = body.inputs.map((value, index) => {
      const hint = this.owners.has(value)
        ? this.owners.get(value)!.tensor.path.at(-1)!
        : inputName(typeOf(this.graph, value).dtype, index);
      return { value, name: names.claim(identifier(hint, 'x')) };
    });
    const sizes = this.sizes.of(body.inputs);
    const graph = renamedSizes(this.graph, sizes.as);
    const signature = inputs.map(({ value, name }) => `${name}: ${this.type(graph, value, bound)}`).join(', ');
    const [only] = body.outputs;
    const result = body.outputs.length === 1 ? this.type(graph, only!, bound, false) : undefined;
    const declared = result === undefined ? '' : ` -> ${result}`;
    const given = new Map(inputs.map(({ value, name }) => [value, name]));
    const text = writeBody(this, module, body, given, names, { graph, as: sizes.as });
    return `\nforward(${signature})${declared} {\n${text}\n}`;
  }

  /** `int[B, T]`; a dim that the signature cannot say yet is `_`. */
  private type(graph: Graph, value: ValueId, bound: Set<string>, binds = true): string {
    const { dtype, shape } = typeOf(graph, value);
    const sizes = shape.map((dim) => {
      if (binds && isVariable(dim)) bound.add(symbolsOf(dim)[0]!);
      return symbolsOf(dim).every((name) => bound.has(name)) ? printDim(dim) : '_';
    });
    return `${ELEMENT[dtype]}[${sizes.join(', ')}]`;
  }

  private entry(root: Mod): { readonly text: string; readonly renamed: readonly (readonly [string, string])[] } {
    const { graph, options } = this;
    const { caches } = options;
    const names = new Names(this.takenIn(root));
    const renamed: (readonly [string, string])[] = [];
    const rename = (given: string, name: string): string => {
      if (name !== given) renamed.push([given, name]);
      return name;
    };
    const typed = (value: ValueId): string => {
      const { dtype, shape } = typeOf(graph, value);
      return `${ELEMENT[dtype]}${dims(shape as Shape)}`;
    };
    const plainInputs = graph.inputs.filter(({ value }) => !caches?.inputs.has(value));
    const inputs = plainInputs.map(({ name, value }) => ({
      value,
      name: rename(name, names.claim(lowered(name, 'x'))),
    }));
    // an input and an output of one name cannot be told apart
    const outputNames = new Names([...this.options.reserved, ...inputs.map(({ name }) => name)]);
    const plainOutputs = graph.outputs.filter(({ value }) => !caches?.outputs.has(value));
    const outputs = plainOutputs.map(
      ({ name, value }) => `${rename(name, outputNames.claim(lowered(name, 'y')))}: ${typed(value)}`,
    );
    const given = new Map(inputs.map(({ value, name }) => [value, name]));
    const body = writeBody(this, root, root.body!, given, names, { graph, as: new Map() });
    const signature = inputs.map(({ name, value }) => `${name}: ${typed(value)}`).join(', ');
    const entryName = new Names(this.takenIn(root)).claim(lowered(options.entry, 'run'));
    const cache = caches ? ` cache ${printDim(caches.length)} ${quoted(caches.past)} -> ${quoted(caches.present)}` : '';
    return { text: `\nentry ${entryName}(${signature}) -> (${outputs.join(', ')})${cache} {\n${body}\n}`, renamed };
  }
}

const lowered = (text: string, fallback: string): string => {
  const name = identifier(text, fallback);
  return /^[A-Z]/.test(name) ? name[0]!.toLowerCase() + name.slice(1) : name;
};

/** What a member is called in a checkpoint, where that is no name of MDL. */
const key = (name: string, part: string): string => (name === part ? '' : ` key ${quoted(part)}`);

function inputName(dtype: DType, index: number): string {
  if (dtype === 'bool') return 'mask';
  if (dtype === 'i64') return 'indices';
  return ['x', 'y', 'z'][index] ?? 'x';
}
