/** Wiring: the panels, the backend, and what happens when something goes wrong. */
import './style.css';
import { askPanel } from './ask-panel.ts';
import { byId } from './dom.ts';
import { CHOICES, type Choice, type Engine, isDeviceLoss, openEngine } from './engine.ts';
import { showTimings } from './kernels-table.ts';
import { picturePanel } from './picture-panel.ts';
import { State } from './state.ts';
import { teachPanel } from './teach-panel.ts';
import { clearTrouble, showTrouble } from './trouble.ts';

document.documentElement.dataset.started = '';
const state = new State();
const status = byId('state', HTMLParagraphElement);
const why = byId('why', HTMLParagraphElement);
const choice = byId('backend', HTMLSelectElement);
/** the latest choice that could be had */
let chosen: Choice = 'auto';

const asking = askPanel(state, { onTimings: showTimings, onTrouble });
// the times of the lesson stay in the table
const onTaught = (): void => void asking.caption({ onTimings: () => {}, onTrouble });
teachPanel(state, { onTimings: showTimings, onTrouble, onTaught });
const firstPicture = picturePanel((picture) => {
  clearTrouble();
  state.set({ picture });
  void asking.caption();
}, onTrouble);

state.addEventListener('change', () => {
  choice.disabled = state.busy;
});
choice.addEventListener('change', () => void open(choice.value as Choice));
const { searchParams } = new URL(location.href);
const asked = CHOICES.find((name) => name === searchParams.get('backend')) ?? 'auto';
await open(asked);
// without what was asked for the page is of use all the same
if (!state.engine && asked === 'webgpu') await open('auto', false);

/** Opens the model on a backend; what was open before is closed, and stays if the new one does not come. */
async function open(wanted: Choice, clear = true): Promise<void> {
  const before = state.engine;
  status.textContent = 'loading the model …';
  why.textContent = '';
  state.set({ busy: true });
  try {
    use(await opened(wanted, before));
    chosen = wanted;
    await before?.dispose();
    if (clear) clearTrouble();
  } catch (error) {
    showTrouble(error);
    if (before) use(before);
    else status.textContent = 'no model';
  } finally {
    choice.value = chosen;
    state.set({ busy: false });
  }
}

/** What was learned on one backend is known on the other. */
async function opened(wanted: Choice, before: Engine | undefined): Promise<Engine> {
  const engine = await openEngine(wanted);
  if (!before || before.learned.size === 0) return engine;
  const { openLearned } = await import('./train.ts');
  try {
    return await openLearned(engine, before.learned);
  } finally {
    await engine.dispose();
  }
}

function use(engine: Engine): void {
  state.set({ engine });
  status.textContent = `runs on ${engine.session.info().backend}`;
  why.textContent = engine.why === undefined ? '' : `because ${engine.why.split(', so ')[0]}`;
}

/** Every error of a panel ends here; of a lost device there is a way back. */
function onTrouble(error: unknown): void {
  const { engine } = state;
  if (!engine || !isDeviceLoss(error)) {
    showTrouble(error);
    return;
  }
  status.textContent = 'the device is lost';
  const [what] = (error as Error).message.split(', so '); // the rest is advice to programmers
  showTrouble(new Error(`${what}. Recover takes a new one and uploads the model again.`), async () => {
    await engine.session.recover();
    use(engine);
  });
}

if (!state.picture) state.set({ picture: await firstPicture() });
