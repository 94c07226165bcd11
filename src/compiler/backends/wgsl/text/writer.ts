/** What writes the text of one kernel: its evaluator, and stores to its outputs. */
import { typeOf } from '../../../ir/graph.ts';
import type { Template, TemplateGroups } from '../families/contract.ts';
import type { Block } from './block.ts';
import type { Element, KernelCode } from './code.ts';
import { Evaluator, wordAt } from './evaluator.ts';
import { type Index, plus, word, ZERO } from './expr.ts';
import { type Expression, literal, select } from './expression.ts';
import { type InputOutput, type KernelInput, type OpenKernel, openKernel, type ValueFacts } from './input.ts';

/** A kernel's `main`, with functions and bindings in its writer's code. */
export type Part = Template;

/** Invocations of a workgroup that works on points or rows. */
export const LANES = 64;
export const ONE: TemplateGroups = { of: 1, per: 1 };

/** The evaluator of one kernel, with a way to write its outputs. */
export class KernelWriter {
  readonly code: KernelCode;
  /** ends the names of this kernel's functions, where several kernels share a text */
  readonly suffix: string;
  readonly evaluator: Evaluator;
  readonly kernel: OpenKernel;
  readonly facts: ValueFacts;

  constructor(input: KernelInput, code: KernelCode, suffix = '') {
    this.code = code;
    this.suffix = suffix;
    this.kernel = openKernel(input);
    this.facts = this.kernel.facts;
    this.evaluator = new Evaluator(this.code, this.facts, this.kernel.storage);
  }

  /** Statements that compute and store one output's element. */
  store(block: Block, { value, to, shift }: InputOutput, coordinates: readonly Index[]): void {
    const made = this.evaluator.element(block, value, coordinates);
    const at = shifted(this.code, coordinates, shift);
    const { shape } = typeOf(this.facts.graph, value);
    const index = this.evaluator.address(
      to.layout,
      at.map((own, axis) => (shape[axis] === 1 && axis !== shift?.axis ? ZERO : own)),
    );
    const binding = this.code.binding(to.buffer, to.element, 'read_write');
    const where = binding.wide ? block.named(index) : block.index(index);
    block.assign(wordAt(binding.name, to.element, binding.wide, where), stored(made, to.element));
  }
}

/** Coordinates inside of what an output is a part of. An argument even where it is a number: the pieces of a concat are then one kernel. */
export const shifted = (code: KernelCode, own: readonly Index[], shift: InputOutput['shift']): readonly Index[] =>
  own.map((at, axis) => (axis === shift?.axis ? plus(at, word(code.argument(shift.by))) : at));

const stored = (value: Expression, element: Element): Expression =>
  value.type === 'bool' && element === 'u32' ? select(literal('u32', 0), literal('u32', 1), value) : value;
