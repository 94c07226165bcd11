/** The lesson: what the picture shows, a loss that falls, and a model that has learned it. */
import { byId } from './dom.ts';
import type { Engine } from './engine.ts';
import { loadSample } from './picture-panel.ts';
import { LossPlot } from './plot.ts';
import { SAMPLES } from './samples.ts';
import type { State } from './state.ts';

export interface TeachEvents {
  onTimings(timings: Awaited<ReturnType<Engine['takeTimings']>>, what: string): void;
  onTrouble(error: unknown): void;
  /** with the model that has learned in its place */
  onTaught(): void;
}

export function teachPanel(state: State, events: TeachEvents): void {
  const noun = byId('noun', HTMLInputElement);
  const steps = byId('steps', HTMLInputElement);
  const train = byId('teach-button', HTMLButtonElement);
  const stop = byId('stop-button', HTMLButtonElement);
  const note = byId('lesson', HTMLParagraphElement);
  const plot = new LossPlot(byId('loss', HTMLDivElement));
  let abort = new AbortController();

  state.addEventListener('change', () => {
    train.disabled = !state.ready;
  });
  stop.addEventListener('click', () => abort.abort());
  byId('teach-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void lesson().catch(events.onTrouble);
  });

  async function lesson(): Promise<void> {
    const wanted = noun.value.trim().toLowerCase();
    const total = steps.valueAsNumber;
    let learned = false;
    await state.run(async (engine, picture) => {
      abort = new AbortController();
      stop.hidden = false;
      plot.start(total);
      try {
        note.textContent = 'loading the compiler …';
        const { teach } = await import('./train.ts');
        const known = await Promise.all(
          SAMPLES.filter((sample) => sample.known && sample.noun !== picture.noun).map(loadSample),
        );
        let loss = 0;
        const began = performance.now();
        const taught = await teach(engine, { picture, noun: wanted, known }, total, {
          signal: abort.signal,
          onNote: (text) => {
            note.textContent = text;
          },
          onStep: (record) => {
            loss = record.loss;
            plot.add(record.step, loss);
          },
        });
        const seconds = (performance.now() - began) / 1000;
        const after = taught.steps === 0 ? 'nothing learned' : `loss ${loss.toFixed(4)}. Now ask again`;
        note.textContent = `${taught.steps} steps in ${seconds.toFixed(1)} s, ${after}.`;
        events.onTimings(taught.timings, `${taught.steps} training steps`);
        state.set({ engine: taught.engine });
        await engine.dispose();
        learned = true;
      } catch (error) {
        note.textContent = 'The lesson was broken off; the model is as it was.';
        throw error;
      } finally {
        stop.hidden = true;
      }
    });
    if (learned) events.onTaught();
  }
}
