/** Rows of a form that several panels have: which backend, which seed, whose weights. */
import { button, make } from '../dom.ts';
import { BACKENDS, type BackendChoice, type WeightsChoice } from '../run/protocol.ts';

const BACKEND_NAMES: Readonly<Record<BackendChoice, string>> = {
  auto: 'the fastest here',
  webgpu: 'WebGPU',
  onnx: 'ONNX Runtime (WebAssembly)',
  reference: 'the interpreter (float64, slow)',
};

let rows = 0;

/** A label and its control. */
export function row(label: string, control: HTMLElement): readonly HTMLElement[] {
  rows++;
  control.id ||= `control-${rows}`;
  return [make('label', { for: control.id }, label), control];
}

export function numberInput(
  value: number,
  attributes: Readonly<Record<string, number | string>> = {},
): HTMLInputElement {
  return make('input', { type: 'number', value, min: 0, class: 'size', ...attributes });
}

export function backendSelect(): HTMLSelectElement {
  return make('select', {}, ...BACKENDS.map((name) => make('option', { value: name }, BACKEND_NAMES[name])));
}

/** Shared by all panels: weights that are dropped onto one are the model's. */
export class WeightsField {
  readonly element: HTMLElement;
  private readonly seed = numberInput(0, { 'aria-label': 'seed of the weights' });
  private readonly name = make('span', { class: 'note', role: 'status' });
  private readonly clear = button('use the seed', () => this.take([]), { class: 'link', hidden: true });
  private files: WeightsChoice['files'] = [];

  constructor() {
    const pick = make('input', { type: 'file', accept: '.safetensors' });
    const label = make('label', { class: 'pick quiet' }, pick, 'safetensors …');
    this.element = make(
      'div',
      { class: 'bar-line drop' },
      make('span', {}, 'seed'),
      this.seed,
      label,
      this.name,
      this.clear,
    );
    const use = async (given: File | undefined): Promise<void> =>
      this.take(given ? [{ name: given.name, bytes: new Uint8Array(await given.arrayBuffer()) }] : []);
    pick.addEventListener('change', () => void use(pick.files?.[0]).finally(() => (pick.value = '')));
    this.element.addEventListener('dragover', (event) => event.preventDefault());
    this.element.addEventListener('drop', (event) => {
      event.preventDefault();
      void use(event.dataTransfer?.files[0]);
    });
  }

  get value(): WeightsChoice {
    return { seed: this.seed.valueAsNumber || 0, files: this.files };
  }

  /** in words */
  get origin(): string {
    return this.name.textContent || `seed ${this.value.seed}`;
  }

  /** These files' numbers, the last one's first; the seed's where there is none. */
  take(files: WeightsChoice['files']): void {
    this.files = files;
    this.name.textContent = files.map(({ name }) => name).join(', ');
    this.clear.hidden = files.length === 0;
  }
}
