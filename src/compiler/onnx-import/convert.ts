/** The graph of an ONNX file as a graph of MDL's operators. What it has that MDL has not is collected, all of it. */
import type { Dim } from '../../shared/dim.ts';
import type { Graph } from '../ir/graph.ts';
import { TypeRuleError } from '../ops/spec.ts';
import { Call, type Rule } from './call.ts';
import type { FileDims } from './dims.ts';
import { DTYPE_OF, dtypeName, EXACT } from './dtypes.ts';
import { fold, folds } from './fold.ts';
import { type HeldTensor, Importer } from './importer.ts';
import { Problems, Refusal } from './problems.ts';
import type { FileGraph, FileModel, FileNode, FileValue } from './proto.ts';
import { RULES } from './rules/index.ts';
import { fileTensor } from './rules/sources.ts';
import { scopeOf } from './scopes.ts';
import { type Imported, known } from './values.ts';

export interface Converted {
  /** undefined when there are problems */
  readonly graph: Graph | undefined;
  readonly held: ReadonlyMap<string, HeldTensor>;
  readonly problems: Problems;
  /** what is otherwise than in the file, though equal within rounding or where ONNX says nothing */
  readonly notes: readonly string[];
}

interface Uses {
  all: number;
  /** as the right side of a product with a matrix */
  asMatrix: number;
}

/**
 * @param fixed values of inputs that the model is to have no more, by name
 * @param parameters initialisers of rank 0 that train
 */
export function convert(
  model: FileModel,
  dims: FileDims,
  fixed: ReadonlyMap<string, number>,
  parameters: ReadonlySet<string> = new Set(),
): Converted {
  return new Conversion(model, dims, fixed, parameters).run();
}

const SAME_SIZES = ' (where two dynamic sizes are one, --dim NAME=OTHER says so)';

type Scope = Map<string, Imported | undefined>;

class Conversion {
  private readonly model: FileModel;
  private readonly dims: FileDims;
  private readonly fixed: ReadonlyMap<string, number>;
  private readonly parameters: ReadonlySet<string>;
  private readonly importer: Importer;
  private readonly problems = new Problems();
  private readonly uses = new Map<string, Uses>();
  private readonly needed = new Set<string>();

  constructor(model: FileModel, dims: FileDims, fixed: ReadonlyMap<string, number>, parameters: ReadonlySet<string>) {
    this.parameters = parameters;
    this.model = model;
    this.dims = dims;
    this.fixed = fixed;
    this.importer = new Importer(model.graph.name);
  }

  run(): Converted {
    const { graph } = this.model;
    for (const { name } of graph.outputs) this.needed.add(name);
    this.survey(graph);
    const scope: Scope = new Map();
    this.initialisers(graph, scope);
    for (const input of graph.inputs) if (!graph.initialisers.has(input.name)) this.input(input, scope);
    this.nodes(graph, scope);
    for (const { name } of graph.outputs) this.output(name, scope);
    const { problems } = this;
    const built = problems.list.length === 0 ? this.importer.builder.build() : undefined;
    return { graph: built, held: this.importer.held, problems, notes: [...this.importer.notes] };
  }

  /** Which values are needed and how often; nodes are in order, so one pass from the last to the first finds them. */
  private survey(graph: FileGraph): void {
    for (const node of graph.nodes.toReversed()) {
      if (!node.outputs.some((name) => this.needed.has(name))) continue;
      for (const [index, name] of node.inputs.entries()) {
        this.needed.add(name);
        const uses = this.usesOf(name);
        uses.all++;
        const { op, attributes } = node;
        const plain = op === 'MatMul' || (op === 'Gemm' && attributes.get('transB')?.value !== 1);
        if (plain && index === 1) uses.asMatrix++;
      }
      for (const attribute of node.attributes.values()) {
        if (attribute.kind !== 'graph') continue;
        for (const { name } of attribute.value.outputs) this.needed.add(name);
        this.survey(attribute.value);
      }
    }
  }

  private usesOf(name: string): Uses {
    const found = this.uses.get(name) ?? { all: 0, asMatrix: 0 };
    this.uses.set(name, found);
    return found;
  }

  private initialisers(graph: FileGraph, scope: Scope): void {
    if (graph.sparse) this.problems.add('sparse initialisers', 'MDL has no sparse tensors', '');
    for (const [name, tensor] of graph.initialisers) {
      if (!this.needed.has(name)) continue;
      const value = fileTensor(tensor, true, this.parameters.has(name));
      if (!value) this.problems.add('an initialiser', tensor.unread ?? 'it cannot be read', name);
      scope.set(name, value);
    }
  }

  private input({ name, type, shape }: FileValue, scope: Scope): void {
    const what = `the input ${JSON.stringify(name)}`;
    const dtype = type === undefined ? undefined : DTYPE_OF.get(type);
    const value = this.fixed.get(name);
    if (!dtype) this.problems.add(what, `it is of ${dtypeName(type)}, which MDL has not`, '');
    else if (!shape) this.problems.add(what, 'it says nothing of its axes', '');
    if (!dtype || !shape) scope.set(name, undefined);
    else if (value !== undefined)
      scope.set(
        name,
        known(
          dtype,
          shape.map((size) => (typeof size === 'number' ? size : 1)),
          [value],
        ),
      );
    else {
      if (!EXACT.has(type!))
        this.importer.notes.add(
          `${what} is of ${dtypeName(type)} in the file and of ${dtype === 'f32' ? 'FLOAT' : 'INT64'} here`,
        );
      const sizes = shape.map((size, axis): Dim => {
        if (typeof size === 'number') return size;
        // `?` and the like name nothing
        return /^[^A-Za-z0-9]*$/.test(size) ? this.dims.unnamed(name, axis) : this.dims.of(size);
      });
      scope.set(name, { kind: 'made', id: this.importer.builder.input(name, dtype, sizes) });
    }
  }

  private output(name: string, scope: Scope): void {
    const what = `the output ${JSON.stringify(name)}`;
    const value = scope.get(name);
    if (!scope.has(name)) this.problems.add(what, 'nothing makes it', '');
    if (value) this.attempt(what, '', () => this.importer.builder.output(name, this.importer.tensor(value)));
  }

  private nodes(graph: FileGraph, scope: Scope): void {
    for (const node of graph.nodes) if (node.outputs.some((name) => this.needed.has(name))) this.node(node, scope);
  }

  private node(node: FileNode, scope: Scope): void {
    const { op, name } = node;
    this.importer.origin = { path: scopeOf(node) };
    const missing = node.inputs.find((input) => input !== '' && !scope.has(input));
    const rule = op === 'If' ? undefined : RULES.get(op);
    const has = op === 'If' || rule !== undefined || folds(op);
    if (missing !== undefined)
      this.problems.add(op, `its operand ${JSON.stringify(missing)} is made by nothing before it`, name);
    else if (!has) this.problems.add(op, this.unknown(op), name);
    const operands = node.inputs.map((input) => (input === '' ? undefined : scope.get(input)));
    const broken = node.inputs.some((input) => input !== '' && scope.get(input) === undefined);
    if (missing !== undefined || broken || !has) {
      for (const output of node.outputs) scope.set(output, undefined);
      return;
    }
    while (operands.length > 0 && operands.at(-1) === undefined) operands.pop();
    const c = new Call(this.importer, node, this.model.opset, operands, (index) => this.usesOf(node.inputs[index]!));
    const results = this.attempt(op, name, () => (op === 'If' ? this.branch(c, scope) : this.computed(c, rule)));
    if (results) this.results(c, results, scope);
    else for (const output of node.outputs) scope.set(output, undefined);
  }

  /** Some operators are read where all that they take is known, and nowhere else. */
  private computed(c: Call, rule: Rule | undefined): readonly (Imported | undefined)[] {
    const found = fold(c) ?? rule?.(c);
    if (!found) throw new Refusal(this.unknown(c.node.op));
    return found;
  }

  private results(c: Call, results: readonly (Imported | undefined)[], scope: Scope): void {
    const { node } = c;
    for (const attribute of c.unasked)
      this.problems.add(node.op, `its attribute ${JSON.stringify(attribute)} is not one that is read`, node.name);
    for (const [index, output] of node.outputs.entries()) {
      if (output === '') continue;
      if (index >= results.length && this.needed.has(output))
        this.problems.add(node.op, `its output ${index} is used, and MDL has ${results.length}`, node.name);
      scope.set(output, results[index]);
    }
  }

  /** If: the branch that a condition chooses which is known. */
  private branch(c: Call, scope: Scope): readonly (Imported | undefined)[] {
    const [then, otherwise] = [c.graph('then_branch'), c.graph('else_branch')];
    const chosen = c.number(0) !== 0 ? then : otherwise;
    const inner: Scope = new Map(scope);
    this.initialisers(chosen, inner);
    this.nodes(chosen, inner);
    return chosen.outputs.map(({ name }) => inner.get(name));
  }

  private unknown(op: string): string {
    if (this.model.functions.has(op)) return 'it is a function of the file: export with functions inlined';
    return op.includes('.') ? 'MDL knows no such operator of this domain' : 'MDL has no such operator';
  }

  /** What is not possible becomes a problem. */
  private attempt<T>(what: string, first: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof TypeRuleError)) throw error;
      const hint = error instanceof TypeRuleError && this.dims.dynamic > 1 ? SAME_SIZES : '';
      this.problems.add(what, `${error.message}${hint}`, first);
      return undefined;
    }
  }
}
