/** Trains a stage in the page: the loss as it falls, gradient norms by layer, what was learned to keep. */
import type { StepRecord } from 'mdl-compiler/runtime';
import type { Bench } from '../bench.ts';
import { button, download, make, reasonOf } from '../dom.ts';
import { Cancelled, type Running, start } from '../run/job.ts';
import type { BackendChoice, TrainJob } from '../run/protocol.ts';
import type { Panel } from '../tabs.ts';
import { backendSelect, numberInput, row, type WeightsField } from './form.ts';

const TEXT = `To be, or not to be, that is the question:
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune,
Or to take arms against a sea of troubles
And by opposing end them.
`.repeat(3);

/** The part of a job that a form gives. */
export type TrainSettings = Pick<TrainJob, 'backend' | 'weights' | 'sizes' | 'stage' | 'steps' | 'data'> &
  Partial<Pick<TrainJob, 'learningRate'>>;

/** Fields of training, for this panel and for the one that compares. */
export class TrainForm {
  readonly element = make('div', { class: 'form pairs' });
  private readonly bench: Bench;
  private readonly weights: WeightsField;
  private readonly place = make('div');
  private readonly stage = make('select', {});
  private readonly data = make('select', {});
  private readonly text = make('textarea', { class: 'wide', 'aria-label': 'the text', hidden: true }, TEXT);
  private readonly rows = numberInput(4, { min: 1 });
  private readonly length = numberInput(32, { min: 1 });
  private readonly steps = numberInput(60, { min: 1 });
  private readonly rate = make('input', { type: 'text', size: 8, placeholder: 'the schedule' });
  private readonly backend = backendSelect();
  private drawn = '';

  constructor(bench: Bench, weights: WeightsField) {
    this.bench = bench;
    this.weights = weights;
    this.element.append(
      ...row('stage', this.stage),
      ...row('data', this.data),
      this.text,
      ...row('rows of a batch', this.rows),
      ...row('length of a row (T)', this.length),
      ...row('steps', this.steps),
      ...row('learning rate', this.rate),
      ...row('on', this.backend),
      make('span', {}, 'weights'),
      this.place,
    );
    this.data.addEventListener('change', () => {
      this.text.hidden = this.data.value !== 'text';
    });
  }

  /** Whether there is anything to train. */
  get possible(): boolean {
    return this.bench.answer?.stages.some(({ trains }) => trains) ?? false;
  }

  update(): void {
    this.place.replaceChildren(this.weights.element);
    const { answer } = this.bench;
    if (!answer) return;
    const { stages, recipe } = answer;
    const now = JSON.stringify([this.bench.project.root, stages, recipe]);
    if (now === this.drawn) return;
    this.drawn = now;
    this.stage.replaceChildren(
      ...stages.map(({ name, trained }) => make('option', { value: name }, `${name} (${trained} tensors)`)),
    );
    const bytes = recipe?.name === 'text' && recipe.settings.tokenizer === 'bytes';
    this.data.replaceChildren(
      ...(bytes ? [make('option', { value: 'text' }, 'this text, byte by byte')] : []),
      make('option', { value: 'random' }, 'one random batch, to learn by heart'),
    );
    this.text.hidden = this.data.value !== 'text';
  }

  /** @throws Error where a field has no number */
  value(): TrainSettings {
    const learningRate = this.rate.value.trim() === '' ? undefined : Number(this.rate.value);
    if (learningRate !== undefined && !(learningRate >= 0))
      throw new Error(`the learning rate ${this.rate.value} is no number of at least 0`);
    const steps = this.steps.valueAsNumber;
    if (!(Number.isSafeInteger(steps) && steps > 0)) throw new Error('steps: an int above 0');
    const sizes = Object.fromEntries(this.bench.sizes);
    for (const name of ['B', 'N']) sizes[name] = this.rows.valueAsNumber || 1;
    sizes.T = this.length.valueAsNumber || 1;
    return {
      backend: this.backend.value as BackendChoice,
      weights: this.weights.value,
      sizes,
      stage: this.stage.value,
      steps,
      data: this.data.value === 'text' ? { kind: 'text', text: this.text.value } : { kind: 'random' },
      ...(learningRate === undefined ? {} : { learningRate }),
    };
  }
}

export function trainPanel(bench: Bench, weights: WeightsField): Panel {
  const form = new TrainForm(bench, weights);
  const go = button('Train', () => void train(), { class: 'main' });
  const stop = button('Stop', () => running?.stop(), { hidden: true });
  const keep = button('Download weights', () => learned && download('trained.safetensors', learned), { hidden: true });
  const status = make('span', { class: 'note', role: 'status', id: 'train-status' });
  const trouble = make('p', { class: 'trouble', role: 'alert', hidden: true });
  const plot = make('div', { class: 'plot', id: 'loss-plot' });
  const layers = make('div', { class: 'scroll' });
  const element = make(
    'div',
    {},
    form.element,
    make('div', { class: 'bar-line' }, go, stop, keep, status),
    trouble,
    plot,
    layers,
  );
  let running: Running | undefined;
  let learned: Uint8Array | undefined;

  const train = async (): Promise<void> => {
    trouble.hidden = true;
    go.disabled = true;
    keep.hidden = true;
    try {
      const settings = form.value();
      const { CurvePlot } = await import('../plot.ts');
      const curves = new CurvePlot(plot, 'loss', ['loss'], settings.steps);
      stop.hidden = false;
      const began = performance.now();
      running = start(
        { kind: 'train', project: bench.project.snapshot(), ...settings },
        {
          onNote: (text) => status.replaceChildren(text),
          onStep: (record) => {
            curves.add(0, record.loss);
            status.textContent = progress(record, settings.steps, performance.now() - began);
            if (record.step % 5 === 0 || record.step === 1) layers.replaceChildren(layerTable(record));
          },
        },
      );
      const ended = await running.done;
      if (ended.kind !== 'trained') return;
      learned = ended.weights;
      keep.hidden = false;
      status.textContent = `${ended.steps} steps in ${((performance.now() - began) / 1000).toFixed(1)} s on ${ended.backend}`;
    } catch (error) {
      status.textContent = '';
      if (error instanceof Cancelled) return;
      trouble.textContent = reasonOf(error);
      trouble.hidden = false;
    } finally {
      go.disabled = false;
      stop.hidden = true;
    }
  };

  return {
    name: 'Train',
    element,
    update() {
      form.update();
      go.disabled = bench.stale || !form.possible || !stop.hidden;
      if (bench.answer && !form.possible) status.textContent = 'to train, a model needs an entry `loss` and a stage';
      else if (status.textContent?.startsWith('to train')) status.textContent = '';
    },
  };
}

function progress({ step, loss, grad_norm }: StepRecord, steps: number, elapsed: number): string {
  const left = ((elapsed / step) * (steps - step)) / 1000;
  return `step ${step} of ${steps}, loss ${loss.toFixed(4)}, gradient norm ${grad_norm.toPrecision(3)}, ${left.toFixed(0)} s left`;
}

/** Norm of the gradient by layer, as bars. */
function layerTable({ layers, step }: StepRecord): HTMLElement {
  const rows = Object.entries(layers);
  const largest = Math.max(...rows.map(([, { norm }]) => norm), 1e-30);
  return make(
    'table',
    {},
    make('caption', {}, `gradient norm by layer, step ${step}`),
    make(
      'tbody',
      {},
      ...rows.map(([name, { norm, max }]) =>
        make(
          'tr',
          {},
          make('th', { scope: 'row' }, name),
          make(
            'td',
            { class: 'number bar', style: `--share: ${((100 * norm) / largest).toFixed(1)}%` },
            norm.toPrecision(3),
          ),
          make('td', { class: 'number note' }, `max ${max.toPrecision(3)}`),
        ),
      ),
    ),
  );
}
