/** What writes the text of one kernel: its evaluator, and stores to its outputs. */
import { typeOf, type ValueId } from '../../../ir/graph.ts';
import type { TemplateGroups } from '../families/contract.ts';
import type { Kernel, KernelOutput } from '../kernel.ts';
import type { Block, Element, KernelCode, ScalarType } from './code.ts';
import { Evaluator, type GraphFacts, type Storage, type Stored, wordAt } from './evaluator.ts';
import { type Index, plus, word, ZERO } from './expr.ts';
import { SCALAR_TYPES } from './scalar.ts';

export interface EmitContext {
  readonly facts: GraphFacts;
  /** of values outside the kernel */
  readonly storage: Storage;
  /** what a buffer is named after */
  readonly pathOf: (key: string) => string;
}

/** A kernel's `main`, with functions and bindings in its writer's code. */
export interface Part {
  readonly main: string;
  readonly workgroup: readonly [number, number, number];
  readonly groups: readonly [TemplateGroups, TemplateGroups, TemplateGroups];
}

/** Invocations of a workgroup that works on points or rows. */
export const LANES = 64;
export const ONE: TemplateGroups = { of: 1, per: 1 };

/** The evaluator of one kernel, with a way to write its outputs. */
export class KernelWriter {
  readonly code: KernelCode;
  /** ends the names of this kernel's functions, where several kernels share a text */
  readonly suffix: string;
  readonly evaluator: Evaluator;
  readonly kernel: Kernel;
  readonly context: EmitContext;

  constructor(kernel: Kernel, context: EmitContext, code: KernelCode, suffix = '') {
    this.code = code;
    this.suffix = suffix;
    this.kernel = kernel;
    this.context = context;
    const own = new Set(kernel.outputs.flatMap(({ value, into }) => (value === into ? [value] : [])));
    // of a core in several kernels, the others' results are in buffers
    const core = new Set(kernel.pass === undefined ? kernel.core?.outputs : []);
    const stored = (value: ValueId): Stored | undefined =>
      own.has(value) || core.has(value) ? undefined : context.storage.stored(value);
    this.evaluator = new Evaluator(this.code, context.facts, { stored });
  }

  /** Statements that compute and store one output's element. */
  store(block: Block, { value, into, shift }: KernelOutput, coordinates: readonly Index[]): void {
    const text = this.evaluator.element(block, value, coordinates);
    const target = this.context.storage.stored(into);
    if (!target) throw new Error(`value %${into} is written and has no buffer`);
    // an argument even where it is a number: the pieces of a concat are then one kernel
    const at = coordinates.map((own, axis) =>
      axis === shift?.axis ? plus(own, word(this.code.argument(shift.by))) : own,
    );
    const { shape } = typeOf(this.context.facts.graph, value);
    const index = this.evaluator.address(
      target.layout,
      at.map((own, axis) => (shape[axis] === 1 && axis !== shift?.axis ? ZERO : own)),
    );
    const binding = this.code.binding(target.key, target.element, 'read_write');
    const type = SCALAR_TYPES[typeOf(this.context.facts.graph, value).dtype];
    const where = binding.wide ? block.named(index) : block.index(index);
    block.line(`${wordAt(binding.name, target.element, binding.wide, where)} = ${stored(text, type, target.element)};`);
  }
}

function stored(text: string, type: ScalarType, element: Element): string {
  return type === 'bool' && element === 'u32' ? `select(0u, 1u, ${text})` : text;
}
