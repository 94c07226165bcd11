/** What the user takes along of a model: weights, the adapter, a compiled folder; or uses again in the page. */
import type { Bench } from '../bench.ts';
import { button, download, make, reasonOf } from '../dom.ts';
import type { NamedFile } from '../named-file.ts';
import { start } from '../run/job.ts';
import type { KeepJob, WeightsChoice } from '../run/protocol.ts';
import type { WeightsField } from './form.ts';

const NAMES: Readonly<Record<KeepJob['as'], string>> = {
  onnx: 'ONNX, compiled (zip)',
  webgpu: 'WebGPU, compiled (zip)',
  pytorch: 'PyTorch (zip)',
  adapter: 'the adapter, in PEFT’s format (zip)',
};

/** What a stage left. */
export interface Learned {
  readonly stage: string;
  readonly file: NamedFile;
  /** what it began with */
  readonly from: WeightsChoice;
}

export class KeepRow {
  readonly element: HTMLElement;
  private readonly bench: Bench;
  private readonly weights: WeightsField;
  private readonly as = make('select', { 'aria-label': 'what is downloaded' });
  private readonly status = make('span', { class: 'note', role: 'status', id: 'keep-status' });
  private readonly own: readonly HTMLButtonElement[];
  private readonly go: HTMLButtonElement;
  private learned: Learned | undefined;

  constructor(bench: Bench, weights: WeightsField) {
    this.bench = bench;
    this.weights = weights;
    this.own = [
      button('Download weights', () => this.learned && download(this.learned.file.name, this.learned.file.bytes)),
      button('Use them in Run', () => this.use(), { class: 'quiet' }),
    ];
    this.go = button('Download', () => void this.keep(), { class: 'quiet' });
    this.element = make('div', { class: 'bar-line keep' }, ...this.own, this.as, this.go, this.status);
    this.show(undefined);
  }

  show(learned: Learned | undefined): void {
    this.learned = learned;
    for (const one of this.own) one.hidden = !learned;
  }

  update(): void {
    const { answer, stale } = this.bench;
    // a stage can switch the adapter on
    const kinds = Object.entries(NAMES).filter(([as]) => as !== 'adapter' || answer?.adapted);
    if (this.as.options.length !== kinds.length)
      this.as.replaceChildren(...kinds.map(([value, name]) => make('option', { value }, name)));
    this.go.disabled = stale || !answer;
  }

  private get choice(): WeightsChoice {
    const { learned } = this;
    return learned ? { ...learned.from, files: [...learned.from.files, learned.file] } : this.weights.value;
  }

  private use(): void {
    this.weights.take(this.choice.files);
    this.status.textContent = 'Run takes what was learned';
  }

  private async keep(): Promise<void> {
    this.go.disabled = true;
    this.status.classList.remove('error');
    try {
      const { project } = this.bench;
      const as = this.as.value as KeepJob['as'];
      const stage = this.learned ? { stage: this.learned.stage } : {};
      const job: KeepJob = { kind: 'keep', project: project.snapshot(), weights: this.choice, as, ...stage };
      const ended = await start(job, { onNote: (text) => this.status.replaceChildren(text) }).done;
      if (ended.kind !== 'kept') return;
      const name = project.root.slice(project.root.lastIndexOf('/') + 1).replace(/\.mdl$/, '');
      download(`${name}-${as}.zip`, ended.zip);
      this.status.textContent = this.learned ? 'with what was learned' : `with the weights of ${this.weights.origin}`;
    } catch (error) {
      this.status.textContent = reasonOf(error);
      this.status.classList.add('error');
    } finally {
      this.go.disabled = false;
    }
  }
}
