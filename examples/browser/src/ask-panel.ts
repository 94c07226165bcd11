/** Questions and answers: a form, a few buttons, and the text as it comes. */
import { answer } from './caption.ts';
import { byId } from './dom.ts';
import { type Timing, timingsSince } from './engine.ts';
import { showBoxes } from './picture-panel.ts';
import type { State } from './state.ts';
import { CAPTION, questionPrompt } from './wording.ts';

const asked = byId('asked', HTMLParagraphElement);
const text = byId('answer', HTMLParagraphElement);
const speed = byId('speed', HTMLParagraphElement);

export interface AskEvents {
  onTimings(timings: readonly Timing[], what: string): void;
  onTrouble(error: unknown): void;
}

export function askPanel(state: State, events: AskEvents): { caption(): Promise<void> } {
  const form = byId('question-form', HTMLFormElement);
  const question = byId('question', HTMLInputElement);
  const buttons = [...form.querySelectorAll('button')];
  state.addEventListener('change', () => {
    for (const button of buttons) button.disabled = !state.ready;
  });

  const ask = (prompt: string, title: string): Promise<void> =>
    state
      .run(async (engine, picture) => {
        const before = engine.timings();
        asked.textContent = title;
        text.textContent = '';
        speed.textContent = '';
        text.setAttribute('aria-busy', 'true'); // read out once, when it is complete
        showBoxes('');
        try {
          const result = await answer(
            engine,
            picture,
            prompt,
            (progress) => {
              text.textContent = progress.text;
            },
            new AbortController().signal,
          );
          text.textContent = result.text || '(nothing)';
          showBoxes(result.text);
          speed.textContent =
            `${result.tokens} tokens: the first after ${result.firstMs.toFixed(0)} ms, ` +
            `then ${result.tokenMs.toFixed(1)} ms each`;
          events.onTimings(timingsSince(before, engine.timings()), title);
        } finally {
          text.setAttribute('aria-busy', 'false');
        }
      })
      .catch(events.onTrouble);

  const caption = (): Promise<void> => ask(CAPTION, 'a caption');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (question.value.trim() !== '') void ask(questionPrompt(question.value), question.value.trim());
  });
  byId('caption-button', HTMLButtonElement).addEventListener('click', () => void caption());
  for (const button of buttons) {
    const { question: preset } = button.dataset;
    if (preset === undefined) continue;
    button.addEventListener('click', () => {
      question.value = preset;
      form.requestSubmit();
    });
  }
  return { caption };
}
