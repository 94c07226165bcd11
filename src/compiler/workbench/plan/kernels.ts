/** `kernels.wgsl`: all kernels of a plan, for people to read, as a device without shader-f16 has them; what runs is in the plan. */
import { HALVES } from '../../../shared/halves.ts';
import type { WebGpuPlan } from '../../../shared/webgpu.ts';
import { escapeText } from '../../diagnostics/text.ts';

export function kernelsText({ model, kernels, entries }: WebGpuPlan): string {
  const uses = kernels.map(() => new Map<string, number>());
  for (const [entry, { steps }] of Object.entries(entries)) {
    for (const step of steps) {
      for (const { kernel } of [step, ...(step.alternatives ?? [])])
        uses[kernel]!.set(entry, (uses[kernel]!.get(entry) ?? 0) + 1);
    }
  }
  const head = `// The kernels of ${escapeText(model.name)}, to read: each is a module of its own, and plan.json has them too.\n`;
  const texts = kernels.map(({ wgsl, halves }, index) => {
    const used = [...uses[index]!].map(([entry, count]) => `${escapeText(entry)}${count > 1 ? ` × ${count}` : ''}`);
    return `\n// ---- kernel ${index}: ${used.join(', ')}\n${halves ? HALVES.packed : ''}${wgsl}`;
  });
  return head + texts.join('');
}
