/** Learned positions for another image size: the table's grid is bicubically resampled, as the released code does. */
import { type HostTensor, narrow, widen } from '../../../shared/tensor.ts';
import type { ParameterInfo } from '../../elaborate/instance.ts';
import { GraphBuilder } from '../../ir/builder.ts';
import { interpret } from '../../ir/interpreter.ts';
import { cliError } from '../errors.ts';

/**
 * [1, prefix + n², d] → the parameter's [1, prefix + m², d]: the prefix rows (class token) are kept, the n × n grid
 * becomes m × m by torch.nn.functional.interpolate(mode='bicubic', align_corners=False). Source: interpolate_pos_embed
 * in the released eva_vit.py.
 *
 * @throws CliError C0110 when either table is no square grid
 */
export function resampleGrid(parameter: ParameterInfo, tensor: HostTensor): HostTensor {
  const prefix = parameter.resample?.prefix ?? 0;
  const [, rows = 0, width = 0] = tensor.shape;
  const [, wantedRows = 0] = parameter.shape;
  const [from, to] = [Math.sqrt(rows - prefix), Math.sqrt(wantedRows - prefix)];
  if (!Number.isInteger(from) || !Number.isInteger(to)) {
    throw cliError('not_resampled', {
      key: parameter.keys[0],
      reason: `${rows - prefix} and ${wantedRows - prefix} positions are not both squares`,
    });
  }
  const b = new GraphBuilder('resample');
  const table = b.input('table', 'f32', tensor.shape);
  const ones = [1, 1, 1];
  const head = b.node('slice', [table], { starts: [0, 0, 0], ends: [1, prefix, width], steps: ones });
  const body = b.node('slice', [table], { starts: [0, prefix, 0], ends: [1, rows, width], steps: ones });
  const grid = b.node('transpose', [b.node('reshape', [body], { shape: [1, from, from, width] })], {
    permutation: [0, 3, 1, 2],
  });
  const resized = b.node('interpolate', [grid], { mode: 'bicubic', size: [to, to] });
  const flat = b.node('reshape', [b.node('transpose', [resized], { permutation: [0, 2, 3, 1] })], {
    shape: [1, to * to, width],
  });
  b.output('table', b.node('concat', [head, flat], { axis: 1 }));
  const result = interpret(b.build(), { inputs: new Map([['table', widen(tensor)]]), parameters: () => widen(tensor) });
  return narrow(result.get('table')!);
}
