/** Where the picture comes from: dropped anywhere on the page, picked, pasted, or one of the samples. */
import { type Box, parseBoxes } from 'mdl-compiler/runtime';
import { byId, make } from './dom.ts';
import { type Picture, readPicture, show } from './picture.ts';
import { SAMPLES, type Sample } from './samples.ts';

const preview = byId('preview', HTMLCanvasElement);
const boxes = byId('boxes', HTMLDivElement);

/**
 * @param onPicture called with each picture chosen; @param onTrouble with why one could not be read
 * @returns shows the first sample, as if it had been chosen, without a word to `onPicture`
 */
export function picturePanel(
  onPicture: (picture: Picture) => void,
  onTrouble: (error: unknown) => void,
): () => Promise<Picture> {
  const drop = byId('drop', HTMLDivElement);
  const file = byId('file', HTMLInputElement);
  const list = byId('samples', HTMLUListElement);

  const display = (picture: Picture, sample?: HTMLButtonElement | null): void => {
    for (const button of list.querySelectorAll('button'))
      button.setAttribute('aria-pressed', String(button === sample));
    show(preview, picture);
    preview.setAttribute('aria-label', `the picture: ${picture.name}`);
    showBoxes('');
  };
  const choose = (picture: Picture, sample?: HTMLButtonElement): void => {
    display(picture, sample);
    onPicture(picture);
  };
  const take = async (blob: File | undefined): Promise<void> => {
    if (!blob) return;
    try {
      choose(await readPicture(blob.name, blob));
    } catch (error) {
      onTrouble(new Error(`${blob.name} is no picture that this browser reads`, { cause: error }));
    }
  };

  for (const sample of SAMPLES) {
    const button = sampleButton(sample, (picture) => choose(picture, button), onTrouble);
    const item = make('li');
    item.append(button);
    list.append(item);
  }
  file.addEventListener('change', () => void take(file.files?.[0]));
  document.addEventListener('paste', (event) => void take(event.clipboardData?.files[0]));
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) drop.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    void take(event.dataTransfer?.files[0]);
  });
  return async () => {
    const picture = await loadSample(SAMPLES[0]!);
    display(picture, list.querySelector('button'));
    return picture;
  };
}

function sampleButton(
  sample: Sample,
  onPicture: (picture: Picture) => void,
  onTrouble: (error: unknown) => void,
): HTMLButtonElement {
  const button = make('button', sample.known ? '' : 'new');
  button.type = 'button';
  button.setAttribute('aria-pressed', 'false');
  const image = make('img');
  image.src = `pictures/${sample.file}.png`;
  image.alt = sample.known ? sample.noun : `${sample.noun}, new to the model`;
  button.title = image.alt;
  button.append(image);
  button.addEventListener('click', () => loadSample(sample).then(onPicture, onTrouble));
  return button;
}

export async function loadSample({ file, noun }: Sample): Promise<Picture & { readonly noun: string }> {
  const answer = await fetch(`pictures/${file}.png`);
  return { ...(await readPicture(noun, await answer.blob())), noun };
}

/** Draws the boxes of an answer over the picture; they are in hundredths of its sides. */
export function showBoxes(answer: string): void {
  const found = parseBoxes(answer);
  boxes.replaceChildren();
  if (found.length === 0) return;
  const name = 'http://www.w3.org/2000/svg';
  const drawing = document.createElementNS(name, 'svg');
  drawing.setAttribute('viewBox', '0 0 100 100');
  for (const box of found) drawing.append(rectangle(name, box));
  boxes.append(drawing);
}

function rectangle(name: 'http://www.w3.org/2000/svg', { x1, y1, x2, y2 }: Box): SVGRectElement {
  const rect = document.createElementNS(name, 'rect');
  for (const [attribute, value] of Object.entries({ x: x1, y: y1, width: x2 - x1, height: y2 - y1 }))
    rect.setAttribute(attribute, `${value}`);
  return rect;
}
