/** Questions and answers: a form, a few buttons, and the text as it comes. */
import { answer } from './caption.ts';
import { byId, make } from './dom.ts';
import type { Engine } from './engine.ts';
import { showBoxes } from './picture-panel.ts';
import type { State } from './state.ts';
import { CAPTION, questionPrompt } from './wording.ts';

const asked = byId('asked', HTMLParagraphElement);
const text = byId('answer', HTMLParagraphElement);
const speed = byId('speed', HTMLParagraphElement);
const earlier = byId('earlier', HTMLOListElement);
/** Answers that stay visible under the current one, to compare before and after a lesson. */
const EARLIER = 4;

export interface AskEvents {
  onTimings(timings: Awaited<ReturnType<Engine['takeTimings']>>, what: string): void;
  onTrouble(error: unknown): void;
}

export function askPanel(state: State, events: AskEvents): { caption(events?: AskEvents): Promise<void> } {
  const form = byId('question-form', HTMLFormElement);
  const question = byId('question', HTMLInputElement);
  const where = byId('where', HTMLButtonElement);
  const buttons = [...form.querySelectorAll('button')];
  state.addEventListener('change', () => {
    for (const button of buttons) button.disabled = !state.ready;
    const noun = state.picture?.noun;
    where.hidden = noun === undefined;
    where.dataset.question = where.textContent = `where is the ${noun}?`;
  });
  let previous: HTMLLIElement | undefined;

  const ask = (prompt: string, title: string, { onTimings, onTrouble } = events): Promise<void> =>
    state
      .run(async (engine, picture) => {
        if (previous) {
          earlier.prepend(previous);
          earlier.children[EARLIER]?.remove();
          byId('earlier-part', HTMLDivElement).hidden = false;
          previous = undefined;
        }
        asked.textContent = `${picture.name} · ${title}`;
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
          previous = make('li', '', `${picture.name} · ${title} `);
          previous.append(make('b', '', text.textContent));
          speed.textContent =
            `${result.tokens} tokens: the first after ${result.firstMs.toFixed(0)} ms, ` +
            `then ${result.tokenMs.toFixed(1)} ms each`;
          onTimings(await engine.takeTimings(), title);
        } finally {
          text.setAttribute('aria-busy', 'false');
        }
      })
      .catch(onTrouble);

  const caption = (others?: AskEvents): Promise<void> => ask(CAPTION, 'a caption', others);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (question.value.trim() !== '') void ask(questionPrompt(question.value), question.value.trim());
  });
  byId('caption-button', HTMLButtonElement).addEventListener('click', () => void caption());
  for (const button of buttons) {
    if (button.dataset.question === undefined) continue;
    button.addEventListener('click', () => {
      question.value = button.dataset.question!;
      form.requestSubmit();
    });
  }
  return { caption };
}
