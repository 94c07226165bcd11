/**
 * A prefix that all keys of a checkpoint have and the model's lack, or the other way round: what `DataParallel`
 * (`module.`), `torch.compile` (`_orig_mod.`) and wrappers of one's own (`model.`) leave in a checkpoint.
 */
import type { ParameterInfo } from '../../elaborate/instance.ts';

/** A line that proposes the prefix by which most of the keys that the model misses are in the checkpoint. */
export function commonPrefix(missing: readonly ParameterInfo[], leftOver: readonly string[]): string | undefined {
  const wanted = missing.flatMap(({ keys }) => keys);
  const added = mostCommon(leftOver, new Set(wanted));
  const lost = mostCommon(wanted, new Set(leftOver));
  const [best, inCheckpoint] = (added?.count ?? 0) >= (lost?.count ?? 0) ? [added, true] : [lost, false];
  if (!best || best.count * 2 <= missing.length) return undefined;
  const { prefix, count } = best;
  const quoted = JSON.stringify(prefix);
  const keys = `${count} missing ${count === 1 ? 'key is' : 'keys are'}`;
  return inCheckpoint
    ? `${keys} in the checkpoint with ${quoted} in front: give it as --weights FILE#${prefix.slice(0, -1)}`
    : `${keys} in the checkpoint without ${quoted} in front: rename them when you save it, {${quoted} + k: v for k, v in tensors.items()}`;
}

/** The prefix, of whole segments, that makes most of the names ones that are known. */
function mostCommon(names: readonly string[], known: ReadonlySet<string>) {
  const counts = new Map<string, number>();
  for (const name of names) {
    for (let at = name.indexOf('.'); at >= 0; at = name.indexOf('.', at + 1)) {
      if (!known.has(name.slice(at + 1))) continue;
      const prefix = name.slice(0, at + 1);
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    }
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  return best && { prefix: best[0], count: best[1] };
}
