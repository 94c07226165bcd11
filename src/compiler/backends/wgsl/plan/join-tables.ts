/** An entry that was lowered with tables of its own, in a plan with others: what its steps and buffers say by number. */
import type { BufferPlan, EntryPlan, Launch } from '../../../../shared/webgpu.ts';
import type { PlanTables } from './tables.ts';

/** @returns the entry over the tables of the plan, to which its own have been added */
export function joinTables(plan: PlanTables, own: PlanTables, entry: EntryPlan): EntryPlan {
  const numbers = plan.join(own);
  const launch = <L extends Launch>(of: L): L => ({ ...of, kernel: numbers.kernels[of.kernel]! });
  return {
    ...entry,
    buffers: entry.buffers.map((buffer): BufferPlan => {
      switch (buffer.kind) {
        case 'parameter':
          return { ...buffer, parameter: numbers.parameters[buffer.parameter]! };
        case 'constant':
          return { ...buffer, constant: numbers.constants[buffer.constant]! };
        case 'pack':
          return { ...buffer, pack: numbers.packs[buffer.pack]! };
        default:
          return buffer;
      }
    }),
    steps: entry.steps.map(({ alternatives, ...step }) => ({
      ...launch(step),
      ...(alternatives ? { alternatives: alternatives.map(launch) } : {}),
    })),
  };
}
