/** Wiring: the panels, the backend, and what happens when something goes wrong. */
import './style.css';
import { askPanel } from './ask-panel.ts';
import { byId } from './dom.ts';
import { BACKENDS, type BackendName, type Engine, isDeviceLoss, openEngine, type Timing } from './engine.ts';
import { showTimings } from './kernels-table.ts';
import { loadSample, picturePanel } from './picture-panel.ts';
import { SAMPLES } from './samples.ts';
import { State } from './state.ts';
import { teachPanel } from './teach-panel.ts';
import { clearTrouble, showTrouble } from './trouble.ts';

const state = new State();
const status = byId('state', HTMLParagraphElement);
const choice = byId('backend', HTMLSelectElement);
const table = byId('timings', HTMLTableElement);

const onTimings = (timings: readonly Timing[], what: string): void => showTimings(table, timings, what);
const asking = askPanel(state, { onTimings, onTrouble });
// the times of the lesson stay in the table
const onTaught = (): void => void asking.caption({ onTimings: () => {}, onTrouble });
teachPanel(state, { onTimings, onTrouble, onTaught });
picturePanel((picture) => {
  clearTrouble();
  state.set({ picture });
  void asking.caption();
}, onTrouble);

choice.addEventListener('change', () => void open(choice.value as BackendName));
const { searchParams } = new URL(location.href);
choice.value = BACKENDS.find((name) => name === searchParams.get('backend')) ?? 'onnx';
await open(choice.value as BackendName);

/** Opens the model on a backend; what was open before is closed, and stays if the new one does not come. */
async function open(backend: BackendName): Promise<void> {
  const before = state.engine;
  status.textContent = 'loading the model …';
  try {
    use(await openEngine(backend));
    await before?.dispose();
    clearTrouble();
  } catch (error) {
    showTrouble(error);
    status.textContent = before ? `runs on ${before.session.info().backend}` : 'no model';
    if (before) choice.value = 'onnx';
  }
}

function use(engine: Engine): void {
  state.set({ engine });
  status.textContent = `runs on ${engine.session.info().backend}`;
}

/** Every error of a panel ends here; of a lost device there is a way back. */
function onTrouble(error: unknown): void {
  const { engine } = state;
  if (!engine || !isDeviceLoss(error)) {
    showTrouble(error);
    return;
  }
  status.textContent = 'the device is lost';
  showTrouble(error, async () => {
    await engine.session.recover();
    use(engine);
  });
}

if (!state.picture) state.set({ picture: await loadSample(SAMPLES[0]!) });
