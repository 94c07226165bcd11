/** Fields of training, for the panel that trains and for the one that compares. */
import type { Bench } from '../bench.ts';
import { make } from '../dom.ts';
import type { BackendChoice, TrainJob } from '../run/protocol.ts';
import { DataField } from './data-field.ts';
import { backendSelect, numberInput, row, type WeightsField } from './form.ts';

/** The part of a job that a form gives. */
export type TrainSettings = Pick<TrainJob, 'backend' | 'weights' | 'sizes' | 'stage' | 'steps' | 'data'> &
  Partial<Pick<TrainJob, 'learningRate'>>;

export class TrainForm {
  readonly element = make('div', { class: 'form pairs' });
  private readonly bench: Bench;
  private readonly weights: WeightsField;
  private readonly place = make('div', { class: 'rest' });
  private readonly stage = make('select', {});
  private readonly data = new DataField();
  private readonly rows = numberInput(8, { min: 1 });
  private readonly length = numberInput(32, { min: 1 });
  private readonly lengthRow = row('tokens of a row', this.length);
  private readonly steps = numberInput(60, { min: 1 });
  private readonly rate = make('input', { type: 'text', size: 8, placeholder: 'the schedule' });
  private readonly backend = backendSelect();
  private drawn = '';

  constructor(bench: Bench, weights: WeightsField) {
    this.bench = bench;
    this.weights = weights;
    bench.project.addEventListener('load', () => {
      this.rate.value = String(bench.project.rate ?? '');
    });
    this.element.append(
      ...row('stage', this.stage),
      ...this.data.elements,
      ...row('rows of a batch', this.rows),
      ...this.lengthRow,
      ...row('steps', this.steps),
      ...row('learning rate', this.rate),
      ...row('on', this.backend),
      make('span', {}, 'weights'),
      this.place,
    );
  }

  /** Whether there is anything to train. */
  get possible(): boolean {
    return this.bench.answer?.stages.some(({ trains }) => trains) ?? false;
  }

  update(): void {
    this.place.replaceChildren(this.weights.element);
    const { answer } = this.bench;
    if (!answer) return;
    const { stages, loss } = answer;
    this.data.update(answer);
    const hasLength = loss?.inputs.some(({ shape }) => shape.includes('T')) ?? false;
    for (const part of this.lengthRow) part.hidden = !hasLength;
    const now = JSON.stringify([this.bench.project.root, stages]);
    if (now === this.drawn) return;
    this.drawn = now;
    this.stage.replaceChildren(
      ...stages.map(({ name, trained }) => make('option', { value: name, title: `${trained} tensors` }, name)),
    );
  }

  /** @throws Error where a field has no number, or data is wanted */
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
      data: this.data.value,
      ...(learningRate === undefined ? {} : { learningRate }),
    };
  }
}
