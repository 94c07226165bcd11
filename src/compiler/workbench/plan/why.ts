/** `mdl explain-plan --why NODE`: the kernels in which a part of the model is computed, and why each ends where it does. */
import { nearest } from '../../../shared/nearest.ts';
import type { KernelReport } from '../../backends/wgsl/index.ts';
import { cliError } from '../errors.ts';

/**
 * Kernels that compute what a node names: a module's path and all inside it, `file:line`, or an op.
 * @throws CliError C0103 where nothing of the entry is called so
 */
export function kernelsAt(kernels: readonly KernelReport[], node: string): readonly KernelReport[] {
  const found = kernels.filter(({ computes }) =>
    computes.some(({ op, path, source }) => {
      const line = source === node || source?.startsWith(`${node}:`) || source?.includes(`/${node}:`);
      return node !== '' && (op === node || path === node || path.startsWith(`${node}.`) || line);
    }),
  );
  if (found.length > 0) return found;
  const known = new Set(kernels.flatMap(({ computes }) => computes.flatMap(({ op, path }) => [op, path])));
  const near = nearest(node, known);
  const hint = near === undefined ? '' : `, such as ${near},`;
  throw cliError('option_value', {
    option: '--why',
    text: node,
    expected: `a module's path, a FILE.mdl:LINE or an op of the entry${hint}`,
  });
}

/** A paragraph for each kernel: its ops by module and line, then what it writes and why. */
export function whyText(kernels: readonly KernelReport[]): string {
  return kernels
    .map(({ label, computes, writes }) => {
      const places = new Map<string, string[]>();
      for (const { op, path, source } of computes) {
        const place = [path, source].filter(Boolean).join('  ');
        places.set(place, [...(places.get(place) ?? []), op]);
      }
      return [
        label,
        ...[...places].map(([place, ops]) => `  computes  ${ops.join(' → ')}   ${place}`),
        ...writes.map(({ name, shape, why }) => `  writes    ${name.replace('.', ' · ')} ${shape}: ${why}`),
      ].join('\n');
    })
    .join('\n\n');
}
