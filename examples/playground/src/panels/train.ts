/** Trains a stage in the page: the loss as it falls, gradient norms by layer, what was learned to keep. */
import type { StepRecord } from 'mdl-compiler/runtime';
import type { Bench } from '../bench.ts';
import { button, make, reasonOf } from '../dom.ts';
import { Cancelled, type Running, start } from '../run/job.ts';
import type { Panel } from '../tabs.ts';
import type { WeightsField } from './form.ts';
import { KeepRow } from './keep.ts';
import { Learning } from './learning.ts';
import { TrainForm } from './train-form.ts';

export function trainPanel(bench: Bench, weights: WeightsField): Panel {
  const form = new TrainForm(bench, weights);
  const go = button('Train', () => void train(), { class: 'main' });
  const stop = button('Stop', () => running?.stop(), { hidden: true });
  const status = make('span', { class: 'note', role: 'status', id: 'train-status' });
  const trouble = make('p', { class: 'trouble', role: 'alert', hidden: true });
  const learning = new Learning();
  const keep = new KeepRow(bench, weights);
  const bar = make('div', { class: 'bar-line' }, go, stop, status);
  const element = make('div', {}, form.element, bar, trouble, learning.element, keep.element);
  let running: Running | undefined;
  bench.project.addEventListener('load', () => keep.show(undefined));

  const train = async (): Promise<void> => {
    trouble.hidden = true;
    go.disabled = true;
    keep.show(undefined);
    try {
      const settings = form.value();
      await learning.begin(['loss'], settings.steps);
      stop.hidden = false;
      const began = performance.now();
      running = start(
        { kind: 'train', project: bench.project.snapshot(), ...settings },
        {
          onNote: (text) => status.replaceChildren(text),
          onStep: (record) => {
            learning.step(0, record);
            status.textContent = progress(record, settings.steps, performance.now() - began);
          },
        },
      );
      const ended = await running.done;
      if (ended.kind !== 'trained') return;
      learning.end();
      const file = { name: 'trained.safetensors', bytes: ended.weights };
      keep.show({ stage: settings.stage, file, from: settings.weights });
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
      keep.update();
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
