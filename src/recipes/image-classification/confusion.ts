/** What the pictures of each class are taken for, by the largest logit. */
import type { HostTensor } from '../../shared/tensor.ts';

export class Confusion {
  private readonly names: readonly string[];
  /** [class][taken for] */
  private readonly counts: number[][];
  count = 0;
  private right = 0;

  constructor(names: readonly string[]) {
    this.names = names;
    this.counts = names.map(() => []);
  }

  /** @param labels int [N] @param logits f32 [N, C], C at least the number of classes */
  add(labels: HostTensor, logits: HostTensor): void {
    const classes = logits.shape[1]!;
    for (let row = 0; row < labels.data.length; row++) {
      const label = Number(labels.data[row]);
      let best = 0;
      for (let c = 1; c < classes; c++)
        if (Number(logits.data[row * classes + c]) > Number(logits.data[row * classes + best])) best = c;
      this.counts[label]![best] = (this.counts[label]![best] ?? 0) + 1;
      this.count++;
      if (best === label) this.right++;
    }
  }

  get accuracy(): number {
    return this.right / this.count;
  }

  /** By class: its pictures, how many are right, and what it is taken for most often otherwise. */
  report(): { lines: string[]; rows: string[][]; report: { confusion: Record<string, Record<string, number>> } } {
    const nameOf = (c: number): string => this.names[c] ?? `class ${c}`;
    const width = Math.max(...this.names.map((name) => name.length));
    const rows = this.names.map((name, label) => {
      const found = [...this.counts[label]!.entries()].filter(([, count]) => count !== undefined && count > 0);
      const total = found.reduce((sum, [, count]) => sum + count, 0);
      const wrong = found.filter(([c]) => c !== label).sort((a, b) => b[1] - a[1]);
      return { name, total, right: this.counts[label]![label] ?? 0, wrong };
    });
    const wrongText = (wrong: readonly (readonly [number, number])[]): string =>
      wrong.map(([c, count]) => `${nameOf(c)} ${count}`).join(', ');
    return {
      lines: rows.map(
        ({ name, total, right, wrong }) =>
          `  ${name.padEnd(width)}  ${right} of ${total} right${wrong.length > 0 ? `; taken for ${wrongText(wrong)}` : ''}`,
      ),
      rows: rows.map(({ name, total, right, wrong }) => [
        name,
        `${right} of ${total}${wrong.length > 0 ? `; ${wrongText(wrong)}` : ''}`,
      ]),
      report: {
        confusion: Object.fromEntries(
          rows.map(({ name, right, wrong }, label) => [
            name,
            Object.fromEntries([[nameOf(label), right], ...wrong.map(([c, count]) => [nameOf(c), count])]),
          ]),
        ),
      },
    };
  }
}
