/**
 * Ranges of inputs from what is asked of indices that are made of them, so that a session can check the feeds: the cheapest
 * check, and the one that can say which element of what input is wrong.
 *
 * An index is an input's element directly, through views, with a number added or taken away, or through
 * `where(ids == c, …, ids)`, which lets c through as well. Of an input whose beginning is cut off first (labels that are
 * shifted) the rest is meant.
 */
import type { IntegerRange } from '../../shared/artifact.ts';
import { addDims, type Dim, equalDims, printDim } from '../../shared/dim.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../ir/graph.ts';
import type { Demand } from './demands.ts';
import type { Interval } from './intervals.ts';

/** As IntegerRange, of sizes that may be dynamic. */
interface Range {
  readonly low: number;
  readonly high: Dim;
  readonly also: readonly number[];
  readonly from: readonly number[] | undefined;
}

type Fits = (value: ValueId, low: number, high: Dim) => boolean;

export class InputRanges {
  private readonly graph: Graph;
  private readonly producers: ReadonlyMap<ValueId, AnyNode>;
  private readonly constants: ReadonlyMap<ValueId, Float64Array>;
  private readonly inputs: ReadonlySet<ValueId>;
  private readonly found = new Map<ValueId, Range>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
    this.constants = new Map(graph.constants.map(({ value, tensor }) => [value, tensor.data]));
    this.inputs = new Set(graph.inputs.map(({ value }) => value));
  }

  /**
   * Takes a demand over to an input, if checking that is checking the demand.
   * @param fits whether a value that is no input's element is known to be at least low and below high
   */
  cover({ value, size, also }: Demand, fits: Fits): boolean {
    const range: Range = { low: 0, high: size, also: also === undefined ? [] : [also], from: undefined };
    const reached = this.reach(value, range, fits);
    if (!reached) return false;
    const before = this.found.get(reached.input);
    const together = before ? intersection(before, reached.range) : reached.range;
    if (!together) return false;
    this.found.set(reached.input, together);
    return true;
  }

  /** By input. */
  ranges(): Map<ValueId, IntegerRange> {
    return new Map(
      [...this.found].map(([input, { low, high, also, from }]) => [
        input,
        {
          low,
          high: typeof high === 'number' ? high : printDim(high),
          ...(also.length > 0 ? { also } : {}),
          ...(from === undefined ? {} : { from }),
        },
      ]),
    );
  }

  /** What that says of all elements of an input. */
  intervals(): Map<ValueId, Interval> {
    const whole = [...this.found].filter(([, { from }]) => from === undefined);
    return new Map(
      whole.map(([input, { low, high, also }]) => {
        const last = addDims(high, -1);
        const most = typeof last === 'number' ? Math.max(last, ...also) : also.length === 0 ? last : undefined;
        return [input, { low: Math.min(low, ...also), high: most, exact: false }];
      }),
    );
  }

  private reach(
    value: ValueId,
    range: Range,
    fits: Fits,
  ): { readonly input: ValueId; readonly range: Range } | undefined {
    if (this.inputs.has(value)) return { input: value, range };
    const node = this.producers.get(value);
    switch (node?.op) {
      case 'reshape':
      case 'transpose':
      case 'expand':
        return this.reach(node.inputs[0], range, fits);
      case 'slice': {
        const from = this.inputs.has(node.inputs[0]) ? this.cutOff(node) : undefined;
        return from && this.reach(node.inputs[0], { ...range, from }, fits);
      }
      case 'add':
      case 'sub': {
        const [a, b] = node.inputs as [ValueId, ValueId];
        const [left, right] = [this.numberOf(a), this.numberOf(b)];
        if (right !== undefined) return this.reach(a, shifted(range, node.op === 'add' ? -right : right), fits);
        // c − x would turn the range round
        return left !== undefined && node.op === 'add' ? this.reach(b, shifted(range, -left), fits) : undefined;
      }
      case 'where': {
        const [condition, yes, no] = node.inputs as [ValueId, ValueId, ValueId];
        const direct = this.comparedWith(condition, no);
        const turned = direct ? undefined : this.comparedWith(this.negated(condition), yes);
        const other = direct ? yes : no;
        const stands = direct ?? turned;
        if (!stands || !fits(other, range.low, range.high)) return undefined;
        return this.reach(stands.value, { ...range, also: [...range.also, stands.constant] }, fits);
      }
      default:
        return undefined;
    }
  }

  /** The first element of each axis, where a slice goes on to the end. */
  private cutOff({ inputs, attributes }: Extract<AnyNode, { op: 'slice' }>): readonly number[] | undefined {
    const { starts, ends, steps } = attributes;
    const { shape } = typeOf(this.graph, inputs[0]);
    const toTheEnd = shape.every((dim, axis) => steps[axis] === 1 && equalDims(ends[axis]!, dim));
    const from = starts.filter((start) => typeof start === 'number' && start >= 0);
    return toTheEnd && from.length === shape.length ? (from as number[]) : undefined;
  }

  /** The number that a constant is everywhere. */
  private numberOf(value: ValueId): number | undefined {
    const data = this.constants.get(value);
    const first = data?.[0];
    return first !== undefined && data!.every((each) => each === first) ? first : undefined;
  }

  private negated(condition: ValueId): ValueId | undefined {
    const node = this.producers.get(condition);
    return node?.op === 'not' ? node.inputs[0] : undefined;
  }

  /** condition is `value == constant` */
  private comparedWith(condition: ValueId | undefined, value: ValueId) {
    const node = condition === undefined ? undefined : this.producers.get(condition);
    if (node?.op !== 'equal' || !node.inputs.includes(value)) return undefined;
    const constant = this.numberOf(node.inputs[node.inputs[0] === value ? 1 : 0]);
    return constant === undefined ? undefined : { value, constant };
  }
}

function shifted({ low, high, also, from }: Range, by: number): Range {
  return { low: low + by, high: addDims(high, by), also: also.map((x) => x + by), from };
}

/** What two uses ask of one input; undefined where one range cannot say it. */
function intersection(a: Range, b: Range): Range | undefined {
  if (a.from?.join() !== b.from?.join()) return undefined;
  if (typeof a.high !== 'number' || typeof b.high !== 'number') {
    const same = a.low === b.low && equalDims(a.high, b.high) && a.also.join() === b.also.join();
    return same ? a : undefined;
  }
  const allows = ({ low, high, also }: Range, x: number): boolean =>
    (x >= low && x < (high as number)) || also.includes(x);
  const [low, high] = [Math.max(a.low, b.low), Math.min(a.high, b.high)];
  const also = [...a.also, ...b.also].filter((x) => allows(a, x) && allows(b, x) && !(x >= low && x < high));
  return { low, high, also: [...new Set(also)], from: a.from };
}
