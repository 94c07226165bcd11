/**
 * `einsum("bhqd,bhkd->bhqk", q, k)`: sums of products over labelled axes, as NumPy and torch write them. Operands are joined
 * two at a time from the left; a label is summed as soon as no later operand and not the result names it.
 *
 *     labels of a pair   shared, named later: batch     shared, named by nobody later: inner     of one alone: left, right
 *     with inner         [batch, left, inner] @ [batch, inner, right]
 *     without            [batch, left, 1 …] · [batch, 1 …, right]
 */
import { type Dim, equalDims, printDim, printShape, productOf } from '../../shared/dim.ts';
import { diagnose, type MessageName } from '../diagnostics/catalogue.ts';
import type { BoundCall, Builtin } from './builtin.ts';
import type { Operand, Value } from './values.ts';

const OPERANDS = ['a', 'b', 'c', 'd'] as const;

export const einsum: Builtin = {
  name: 'einsum',
  doc: 'Sums of products over labelled axes, of one to four tensors: `einsum("bhqd,bhkd->bhqk", q, k)`. A label that the result does not name is summed; without `->` the result has the labels that stand once, in the order of the alphabet.',
  parameters: ['equation', 'a', 'b?', 'c?', 'd?'],
  call: run,
};

type Labels = readonly string[];

interface Equation {
  readonly operands: readonly Labels[];
  readonly result: Labels;
}

/** A tensor whose axes have labels. */
interface Term {
  readonly labels: Labels;
  readonly value: Operand;
}

/** An error of the equation, at the equation: of its notation, or of the tensors beside it. */
type Fail = (kind: Extract<MessageName, 'einsum_equation' | 'einsum_operands'>, problem: string) => never;

function run(c: BoundCall): Value {
  const fail: Fail = (kind, problem) =>
    c.evaluator.fail(diagnose(kind, { problem }, c.argument('equation').span, c.evaluator.here()));
  const given = OPERANDS.filter((name) => c.has(name)).map((name) => c.operand(name, 'f32'));
  const { operands, result } = parseEquation(c.string('equation'), (problem) => fail('einsum_equation', problem));
  if (operands.length !== given.length)
    fail('einsum_operands', `the equation names ${operands.length} tensors and is given ${given.length}`);
  const terms = operands.map((labels, index): Term => ({ labels, value: given[index]! }));
  const writer = new Products(c, sizesOf(terms, fail));
  const [first, ...others] = terms as [Term, ...Term[]];
  const joined = others.reduce((left, right, index) => {
    const later = new Set([...result, ...others.slice(index + 1).flatMap(({ labels }) => labels)]);
    return writer.pair(left, right, later);
  }, first);
  return writer.ordered(writer.summed(joined, new Set(result)), result);
}

/** `ab,bc->ac`; spaces do not count. */
export function parseEquation(text: string, fail: (problem: string) => never): Equation {
  const compact = text.replace(/\s/g, '');
  const [left = '', right, ...more] = compact.split('->');
  if (more.length > 0) fail('it has more than one ->');
  const other = /[^A-Za-z,]/.exec(left) ?? /[^A-Za-z]/.exec(right ?? '');
  if (compact.includes('...')) fail('`...` stands for no axes here: give each axis a letter');
  if (other) fail(`${JSON.stringify(other[0])} is no label: each axis has a letter`);
  const operands = left.split(',').map((labels) => [...labels]);
  for (const labels of operands) {
    const twice = repeated(labels);
    if (twice !== undefined) fail(`${labels.join('')} has the label ${twice} twice, and no diagonal is taken`);
  }
  const all = operands.flat();
  const once = [...new Set(all)].filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort();
  const result = right === undefined ? once : [...right];
  const twice = repeated(result);
  if (twice !== undefined) fail(`its result has the label ${twice} twice`);
  const unknown = result.find((label) => !all.includes(label));
  if (unknown !== undefined) fail(`its result has the label ${unknown}, which no tensor has`);
  return { operands, result };
}

const repeated = (labels: Labels): string | undefined => labels.find((label, at) => labels.indexOf(label) !== at);

/** What each label is, which all tensors agree on. */
function sizesOf(terms: readonly Term[], fail: Fail): ReadonlyMap<string, Dim> {
  const sizes = new Map<string, Dim>();
  for (const { labels, value } of terms) {
    const { shape } = value.type;
    if (labels.length !== shape.length)
      fail(
        'einsum_operands',
        `${labels.join('') || 'no label'} stands for ${labels.length} axes and the tensor ${printShape(shape)} has ${shape.length}`,
      );
    for (const [axis, label] of labels.entries()) {
      const [size, before] = [shape[axis]!, sizes.get(label)];
      if (before !== undefined && !equalDims(before, size))
        fail('einsum_operands', `${label} is ${printDim(before)} in one tensor and ${printDim(size)} in another`);
      sizes.set(label, size);
    }
  }
  return sizes;
}

class Products {
  private readonly c: BoundCall;
  private readonly sizes: ReadonlyMap<string, Dim>;

  constructor(c: BoundCall, sizes: ReadonlyMap<string, Dim>) {
    this.c = c;
    this.sizes = sizes;
  }

  /** The product of two, of which labels that nobody wants any more are summed. @param later labels that are named later */
  pair(one: Term, other: Term, later: ReadonlySet<string>): Term {
    const a = this.summed(one, new Set([...later, ...other.labels]));
    const b = this.summed(other, new Set([...later, ...one.labels]));
    const shared = a.labels.filter((label) => b.labels.includes(label));
    const batch = shared.filter((label) => later.has(label));
    const inner = shared.filter((label) => !later.has(label));
    const left = a.labels.filter((label) => !shared.includes(label));
    const right = b.labels.filter((label) => !shared.includes(label));
    const labels = [...batch, ...left, ...right];
    const value =
      inner.length === 0
        ? this.outer(a, b, { batch, left, right })
        : this.contracted(a, b, { batch, inner, left, right });
    return { labels, value: this.shaped(this.operand(value), labels) };
  }

  /** Without the axes that are not kept. */
  summed({ labels, value }: Term, kept: ReadonlySet<string>): Term {
    const axes = [...labels.keys()].filter((axis) => !kept.has(labels[axis]!));
    if (axes.length === 0) return { labels, value };
    return {
      labels: labels.filter((label) => kept.has(label)),
      value: this.operand(this.c.op('sum', [value], { axes, keepdims: false })),
    };
  }

  ordered(term: Term, wanted: Labels): Value {
    const { value } = this.moved(term, wanted);
    return { kind: 'tensor', id: value.id, span: this.c.span };
  }

  /** No label is summed: axes of the one are of size 1 in the other. */
  private outer(a: Term, b: Term, { batch, left, right }: Readonly<Record<'batch' | 'left' | 'right', Labels>>): Value {
    const ones = (labels: Labels): Dim[] => labels.map(() => 1);
    const x = this.moved(a, [...batch, ...left]).value;
    const y = this.moved(b, [...batch, ...right]).value;
    const [shared, rows, columns] = [this.dims(batch), this.dims(left), this.dims(right)];
    const operands = [
      this.reshaped(x, [...shared, ...rows, ...ones(right)]),
      this.reshaped(y, [...shared, ...ones(left), ...columns]),
    ] as const;
    return this.c.op('mul', operands, {});
  }

  private contracted(
    a: Term,
    b: Term,
    { batch, inner, left, right }: Readonly<Record<'batch' | 'inner' | 'left' | 'right', Labels>>,
  ): Value {
    const isAs = ({ labels }: Term, ...groups: readonly Labels[]): boolean =>
      labels.join('') === groups.flat().join('');
    // a matmul reads its last two axes in either order
    const transpose_a = isAs(a, batch, inner, left) && !isAs(a, batch, left, inner);
    const transpose_b = isAs(b, batch, right, inner) && !isAs(b, batch, inner, right);
    const x = transpose_a ? this.merged(a, batch, inner, left) : this.merged(a, batch, left, inner);
    const y = transpose_b ? this.merged(b, batch, right, inner) : this.merged(b, batch, inner, right);
    return this.c.op('matmul', [x, y], { transpose_a, transpose_b });
  }

  /** [batch …, rows, columns] */
  private merged(term: Term, batch: Labels, rows: Labels, columns: Labels): Operand {
    const { value } = this.moved(term, [...batch, ...rows, ...columns]);
    return this.reshaped(value, [...this.dims(batch), productOf(this.dims(rows)), productOf(this.dims(columns))]);
  }

  private moved({ labels, value }: Term, wanted: Labels): Term {
    const permutation = wanted.map((label) => labels.indexOf(label));
    if (permutation.every((axis, index) => axis === index)) return { labels, value };
    return { labels: wanted, value: this.operand(this.c.op('transpose', [value], { permutation })) };
  }

  private shaped(value: Operand, labels: Labels): Operand {
    return this.reshaped(value, this.dims(labels));
  }

  private reshaped(value: Operand, shape: readonly Dim[]): Operand {
    const before = value.type.shape;
    if (before.length === shape.length && before.every((dim, axis) => equalDims(dim, shape[axis]!))) return value;
    return this.operand(this.c.op('reshape', [value], { shape: [...shape] }));
  }

  private dims(labels: Labels): Dim[] {
    return labels.map((label) => this.sizes.get(label)!);
  }

  private operand(value: Value): Operand {
    return this.c.evaluator.emission.operand(value, this.c.span);
  }
}
