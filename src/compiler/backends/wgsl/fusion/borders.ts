/** Why a value is in a buffer and not computed by the kernel that reads it: what fusion decided, to be told to people. */
import type { ValueId } from '../../../ir/graph.ts';

export type Border =
  /** the entry gives it */
  | 'output'
  /** new positions of a cache, or a part of a concat that is written in parts */
  | 'written in parts'
  /** a cache holds it in fewer bytes than a word */
  | 'stored in fours'
  /** a product or an attention loads each element of its operands many times */
  | 'operand of a template'
  /** several kernels read it, and one load costs less than what makes it */
  | 'several readers'
  /** attention's gradients are what their kernels write, and nothing else */
  | 'gradients of attention'
  /** of a contraction: the reader does one itself, or folds over rows */
  | 'reader has work of its own'
  /** of a contraction: a point of the reader needs other elements than the one */
  | 'other elements'
  /** of a reduction: the reader needs more than one result for each of its rows */
  | 'more than a result per row'
  /** what is after the barrier must not be computed with it */
  | 'before a barrier'
  /** with it computed in place, the reader would bind more buffers than a device allows */
  | 'too many buffers';

const TEXTS: Readonly<Record<Border, string>> = {
  output: 'the entry gives it',
  'written in parts': 'its parts are written into one buffer, each by the kernel that makes it',
  'stored in fours': 'a cache stores it in fewer bytes than a word, so a kernel of its own writes four at once',
  'operand of a template': 'a product or an attention reads each of its elements many times',
  'several readers': 'several kernels read it, and a load costs less than computing it again',
  'gradients of attention': 'the kernels of attention’s gradients write them as they are',
  'reader has work of its own': 'the kernel that reads it does a product or a reduction of its own',
  'other elements': 'a point of the kernel that reads it needs other elements than its own',
  'more than a result per row': 'the kernel that reads it needs more than one of its results for a row',
  'before a barrier': 'a barrier keeps what comes before it apart from what comes after',
  'too many buffers': 'the kernel that reads it would bind more buffers than every device allows',
};

export const borderText = (border: Border): string => TEXTS[border];

/** The first reason for each value; later ones only follow from it. */
export class Borders {
  private readonly found = new Map<ValueId, Border>();

  add(value: ValueId, border: Border): void {
    if (!this.found.has(value)) this.found.set(value, border);
  }

  of(value: ValueId): Border | undefined {
    return this.found.get(value);
  }
}
