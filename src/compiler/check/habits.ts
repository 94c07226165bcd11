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

const RANDOM =
  '`random([B, T])` draws from [0, 1), `random_normal` from the normal distribution, where is_training() holds; a parameter starts from `normal(0.02)`; noise for inference is an input of the entry';
const RECURRENT =
  '`import { LSTM, GRU } from "std"`: one layer over a length known at compile time, and LSTMCell and GRUCell for a step; others are a module of Linear whose forward takes the state, called in `for t in range(16) { … }`';

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
  [
    'std',
    {
      note: 'of the last axis: `sqrt(variance(x, axis = -1))`, with `import { variance } from "std"`; it is the biased one',
    },
  ],
  [
    'Dropout',
    { note: 'dropout is a function, `dropout(x, 0.1)`, and no layer: it drops in training alone', instead: 'dropout' },
  ],
  ['cat', { note: 'write `concat([x, y], axis = 1)`', instead: 'concat' }],
  [
    'enumerate',
    { note: 'write `for i in range(len(layers)) { x = layers[i](x) }`, or `for layer in layers { … }` without i' },
  ],
  ['randn_like', { note: RANDOM }],
  ['rand_like', { note: RANDOM }],
  [
    'binary_cross_entropy_with_logits',
    { note: 'of logits z and targets y, which are floats: `mean(softplus(z) - z * y)`' },
  ],
  [
    'binary_cross_entropy',
    {
      note: 'of logits z and targets y, which are floats: `mean(softplus(z) - z * y)`; of probabilities p: `-mean(y * log(p) + (1.0 - y) * log(1.0 - p))`',
    },
  ],
  ['randn', { note: RANDOM, instead: 'random_normal' }],
  ['rand', { note: RANDOM, instead: 'random' }],
  ['LSTM', { note: RECURRENT }],
  ['GRU', { note: RECURRENT }],
  ['RNN', { note: RECURRENT }],
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
