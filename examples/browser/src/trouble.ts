/** The strip for what went wrong: an error to dismiss, or a lost device to recover from. */
import { byId } from './dom.ts';

const strip = byId('trouble', HTMLDivElement);
const text = byId('trouble-text', HTMLParagraphElement);
const recoverButton = byId('recover', HTMLButtonElement);
let recovery: (() => Promise<void>) | undefined;

export function clearTrouble(): void {
  strip.hidden = true;
  recovery = undefined;
}

/** @param recover shown as a button; what it throws is shown in its place */
export function showTrouble(error: unknown, recover?: () => Promise<void>): void {
  text.textContent = error instanceof Error ? error.message : String(error);
  recovery = recover;
  recoverButton.hidden = recover === undefined;
  strip.hidden = false;
}

byId('dismiss', HTMLButtonElement).addEventListener('click', clearTrouble);
recoverButton.addEventListener('click', async () => {
  const work = recovery;
  if (!work) return;
  clearTrouble();
  try {
    await work();
  } catch (error) {
    showTrouble(error, work);
  }
});
