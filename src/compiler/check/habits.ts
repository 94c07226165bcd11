/** Words of Python and PyTorch that people bring along, and what MDL has instead. */
import type { Span } from '../diagnostics/span.ts';

interface Habit {
  readonly note: string;
  /** what to write in its place, where that is one word */
  readonly instead?: string;
}

export const NO_RETURN = 'the last expression of a body is its value; there is no return';
const TORCH =
  'layers are modules of the standard library, `import { Linear } from "std"`, and tensor functions are built in: `relu(x)`';

const HABITS: ReadonlyMap<string, Habit> = new Map<string, Habit>([
  ['return', { note: NO_RETURN }],
  ['self', { note: 'members are known by their names alone: `fc(x)`, not `self.fc(x)`' }],
  ['None', { note: 'nothing is `none`', instead: 'none' }],
  ['True', { note: 'bools are `true` and `false`', instead: 'true' }],
  ['False', { note: 'bools are `true` and `false`', instead: 'false' }],
  ['torch', { note: TORCH }],
  ['nn', { note: TORCH }],
  ['F', { note: TORCH }],
  ['np', { note: TORCH }],
  ['print', { note: 'nothing is printed while a model is compiled; `--tap PATH` makes a value an output' }],
  ['lambda', { note: 'a function has a name of its own: `fn twice(x) { x + x }` beside the modules' }],
  ['elif', { note: 'write `else if`' }],
]);

/** What to say of an unknown name; `within`: whether it stands in a declared type. */
export function habitOf(name: string, at: Span, inType: boolean): Habit | undefined {
  if (at.source.text[at.end] === '"') return { note: 'strings are not formatted; join them: `"layer " + name`' };
  if (inType && /^[a-z]\w?$/.test(name)) {
    const capital = name.toUpperCase();
    const note = `a dimension that comes with the argument starts with a capital, such as \`${capital}\`; one in lower case is a size of the module`;
    return { note, instead: capital };
  }
  return HABITS.get(name);
}
