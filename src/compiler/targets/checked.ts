/** What programs without types pass to a target by mistake. */
import {
  type Form,
  type Forms,
  FUNCTION,
  LIST,
  OBJECT,
  oneOf,
  refuse,
  SWITCH,
  wrongForm,
  wrongOptions,
} from '../diagnostics/call.ts';
import type { Graphs } from '../graphs.ts';
import type { Target, TargetOptions } from './target.ts';

const GRAPHS: Form = {
  expected: 'what graphsOf gives (undefined where an entry has errors)',
  fits: (graphs) => {
    const { model, entries } = (graphs ?? {}) as Partial<Graphs>;
    return OBJECT.fits(model) && LIST.fits(entries);
  },
};

const OPTIONS: Forms<TargetOptions> = {
  opset: oneOf(17, 23),
  weights: {
    expected: 'f32, f16 or a Map of stored weights',
    fits: (value) => value === 'f32' || value === 'f16' || value instanceof Map,
  },
  clients: SWITCH,
  contrib: SWITCH,
  shardBytes: {
    expected: 'a number of bytes above 0',
    fits: (value) => typeof value === 'number' && value > 0,
  },
  afterPass: FUNCTION,
};

/** The target, whose `compile` names what has another form, and options that it does not take. @throws DiagnosticError */
export function checked<T extends Target>(target: T): T {
  const taken = Object.entries(OPTIONS).filter(
    ([name]) => name === 'afterPass' || (target.takes as readonly string[]).includes(name),
  );
  const forms = Object.fromEntries(taken) as Forms<TargetOptions>;
  const call = `${target.name}.compile`;
  return {
    ...target,
    compile(graphs: Graphs, options: TargetOptions = {}) {
      refuse(wrongForm(call, 'the graphs', graphs, GRAPHS) ?? wrongOptions(call, options, forms));
      return target.compile(graphs, options);
    },
  };
}
