/**
 * A pattern's tree as a list of instructions for a backtracking machine, as in Thompson's and Pike's matchers:
 *
 *     a+|b       0 fork 1 or 4     1 class a     2 fork 1 or 3     3 end     4 class b     5 end
 */
import type { CharacterClass } from './class.ts';
import type { Node, Place } from './node.ts';
import { PatternError } from './pattern-error.ts';

export type Instruction =
  | { readonly op: 'class'; readonly test: CharacterClass }
  /** tries `first`, and `second` when that fails; `index` counts the forks */
  | { readonly op: 'fork'; first: number; second: number; readonly index: number }
  | { readonly op: 'jump'; to: number }
  | { readonly op: 'assert'; readonly at: Place }
  /** runs what follows up to its `end`; goes on at `after`, at the same character */
  | { readonly op: 'look'; readonly negative: boolean; after: number }
  /** the same, and goes on where that ended */
  | { readonly op: 'atomic'; after: number }
  | { readonly op: 'end' };

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly forks: number;
}

/** `\p{N}{1,3}` is written out, so repetitions in one another multiply. */
const MAX_INSTRUCTIONS = 20_000;

/** @throws PatternError for a pattern that is too large */
export function compileTree(tree: Node): Program {
  const instructions: Instruction[] = [];
  let forks = 0;
  const add = <I extends Instruction>(instruction: I): I => {
    if (instructions.length >= MAX_INSTRUCTIONS)
      throw new PatternError(`more than ${MAX_INSTRUCTIONS} steps when repetitions are written out`);
    instructions.push(instruction);
    return instruction;
  };
  const fork = () => add({ op: 'fork', first: instructions.length + 1, second: -1, index: forks++ });
  const here = (): number => instructions.length;

  const emit = (node: Node): void => {
    switch (node.kind) {
      case 'class':
        add({ op: 'class', test: node.test });
        return;
      case 'assert':
        add({ op: 'assert', at: node.at });
        return;
      case 'sequence':
        node.parts.forEach(emit);
        return;
      case 'choice': {
        const ends = node.options.slice(0, -1).map((option) => {
          const choice = fork();
          emit(option);
          const end = add({ op: 'jump', to: -1 });
          choice.second = here();
          return end;
        });
        emit(node.options.at(-1)!);
        for (const end of ends) end.to = here();
        return;
      }
      case 'look':
      case 'atomic': {
        const outer = add(
          node.kind === 'look' ? { op: 'look', negative: node.negative, after: -1 } : { op: 'atomic', after: -1 },
        );
        emit(node.body);
        add({ op: 'end' });
        outer.after = here();
        return;
      }
      case 'repeat':
        emitRepeat(node);
        return;
      default:
        node satisfies never;
    }
  };

  const emitRepeat = ({ body, least, most, lazy }: Extract<Node, { kind: 'repeat' }>): void => {
    const optional = (): { skipTo(at: number): void } => {
      const choice = fork();
      const into = choice.first;
      return {
        skipTo: (at) => {
          choice.first = lazy ? at : into;
          choice.second = lazy ? into : at;
        },
      };
    };
    for (let i = 0; i < least; i++) emit(body);
    if (most === Number.POSITIVE_INFINITY) {
      const start = here();
      const loop = optional();
      emit(body);
      add({ op: 'jump', to: start });
      loop.skipTo(here());
      return;
    }
    const options = Array.from({ length: most - least }, () => {
      const option = optional();
      emit(body);
      return option;
    });
    for (const option of options) option.skipTo(here());
  };

  emit(tree);
  add({ op: 'end' });
  return { instructions, forks };
}
