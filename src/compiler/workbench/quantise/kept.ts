/** What quantising does to matrices that a file stores as blocks: kept as they are, or quantised a second time. */
import { keptAs } from '../../../runtime/weights/readers/gguf-codes.ts';
import { printQuantisation } from '../../../shared/quantisation.ts';
import type { Quantised } from '../../quantise/choose.ts';
import type { WeightProvider } from '../weights/provider.ts';

/** Lines for people; none where no matrix is stored so. */
export function keptNotes(weights: WeightProvider, quantised: Quantised): readonly string[] {
  const kept = new Map<string, number>();
  const again = new Map<string, number>();
  /** of those again: the kind is that of the file, but a layout turns or joins the tensor */
  const turned = new Set<string>();
  for (const [key, encoding] of weights.encodings ?? []) {
    const as = quantised.get(key);
    if (as === undefined) continue;
    const counts = weights.packed?.(key, as) ? kept : again;
    counts.set(encoding, (counts.get(encoding) ?? 0) + 1);
    const own = keptAs(encoding);
    if (counts === again && own && printQuantisation(own) === printQuantisation(as)) turned.add(encoding);
  }
  return [
    ...[...kept].map(([encoding, count]) => `codes kept as the file has them: ${matrices(count)} of ${encoding}`),
    ...[...again].map(([encoding, count]) => {
      const own = keptAs(encoding);
      const hint = own && !turned.has(encoding) ? `; as ${printQuantisation(own)} it would be kept` : '';
      return `quantised again from rounded numbers: ${matrices(count)} of ${encoding}${hint}`;
    }),
  ];
}

const matrices = (count: number): string => `${count} ${count === 1 ? 'matrix' : 'matrices'}`;
