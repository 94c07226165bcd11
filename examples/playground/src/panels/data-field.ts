/** What a stage is trained on: a batch by chance, what is typed, or files of the user's, as the model's recipe reads them. */
import { formatBytes } from '../../../../src/viewer/format.ts';
import { button, make, reasonOf } from '../dom.ts';
import type { NamedFile } from '../named-file.ts';
import { dataOf } from '../own-files.ts';
import type { ModelAnswer } from '../protocol.ts';
import type { TrainJob } from '../run/protocol.ts';
import { exampleTable } from './example-table.ts';
import { row } from './form.ts';

const TEXT = `To be, or not to be, that is the question:
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune,
Or to take arms against a sea of troubles
And by opposing end them.
`.repeat(8);

interface Kind {
  /** what may be typed: its name in the list, the file that it is, what stands there at first */
  readonly typed?: {
    readonly label: string;
    readonly file: string;
    example(loss: NonNullable<ModelAnswer['loss']>): string | undefined;
  };
  readonly accept: string;
  readonly hint: string;
}

/** By recipe. */
const KINDS: Readonly<Record<string, Kind>> = {
  text: {
    typed: { label: 'a text', file: 'text.txt', example: () => TEXT },
    accept: '.txt,.md,.jsonl,.json,.zip',
    hint: '.txt, .md or .jsonl files, or a zip of them; with tokenizer.json where the model reads by one',
  },
  tensors: {
    typed: { label: 'a table of rows', file: 'table.csv', example: exampleTable },
    accept: '.csv,.safetensors,.npz,.npy,.zip',
    hint: 'a .csv whose columns are the inputs of the loss, or .safetensors, .npz, .npy',
  },
  'image-classification': {
    accept: '.zip',
    hint: 'a zip with a folder of pictures for each class',
  },
};

type Choice = 'typed' | 'files' | 'random';

export class DataField {
  /** for a form of two columns */
  readonly elements: readonly HTMLElement[];
  private readonly choice = make('select', {});
  private readonly text = make('textarea', { class: 'wide', 'aria-label': 'the data', spellcheck: 'false' });
  private readonly pick = make('input', { type: 'file', multiple: true });
  private readonly status = make('span', { class: 'note', role: 'status' });
  private readonly hint = make('p', { class: 'note' });
  private readonly chosen: HTMLElement;
  private readonly again = button('As it was', () => this.write(), { class: 'link', hidden: true });
  private kind: Kind | undefined;
  private example = '';
  private files: readonly NamedFile[] = [];

  constructor() {
    const label = make('label', { class: 'pick quiet' }, this.pick, 'Choose files …');
    this.chosen = make(
      'div',
      { class: 'wide' },
      make('div', { class: 'bar-line drop' }, label, this.status),
      this.hint,
    );
    this.elements = [...row('data', this.choice), this.text, this.again, this.chosen];
    this.choice.addEventListener('change', () => this.show());
    this.text.addEventListener('input', () => this.show());
    this.pick.addEventListener('change', () => void this.read([...(this.pick.files ?? [])]));
    this.chosen.addEventListener('dragover', (event) => event.preventDefault());
    this.chosen.addEventListener('drop', (event) => {
      event.preventDefault();
      void this.read([...(event.dataTransfer?.files ?? [])]);
    });
    this.show();
  }

  /** Another model, or other sizes of it. What the user typed or chose stays while the recipe is the same. */
  update({ recipe, loss }: Pick<ModelAnswer, 'recipe' | 'loss'>): void {
    const kind = recipe && Object.hasOwn(KINDS, recipe.name) ? KINDS[recipe.name] : undefined;
    const typed = kind?.typed;
    const example = (loss && typed?.example(loss)) ?? '';
    const same = this.kind === kind;
    const untouched = !same || this.text.value === this.example;
    this.example = example;
    if (untouched) this.write();
    if (same && kind) return;
    this.kind = kind;
    this.files = [];
    this.status.textContent = '';
    // rows of a tokenizer that is a file come with that file
    const ready = example !== '' && (recipe?.name !== 'text' || recipe.settings.tokenizer === 'bytes');
    const options: [Choice, string][] = [
      ...(typed && ready ? [['typed', typed.label] as [Choice, string]] : []),
      ['random', 'one random batch, to learn by heart'],
      ...(kind ? [['files', 'files of your own'] as [Choice, string]] : []),
    ];
    this.choice.replaceChildren(...options.map(([value, text]) => make('option', { value }, text)));
    this.text.wrap = typed?.file.endsWith('.csv') ? 'off' : 'soft';
    if (kind) {
      this.pick.accept = kind.accept;
      this.hint.textContent = kind.hint;
    }
    this.show();
  }

  /** @throws Error where nothing was typed or chosen */
  get value(): TrainJob['data'] {
    switch (this.choice.value as Choice) {
      case 'typed': {
        const bytes = new TextEncoder().encode(this.text.value);
        if (bytes.length === 0) throw new Error('data: there is nothing in it');
        return { kind: 'own', files: [{ name: this.kind!.typed!.file, bytes }] };
      }
      case 'files':
        if (this.files.length === 0) throw new Error(`data: choose ${this.kind!.hint}`);
        return { kind: 'own', files: this.files };
      default:
        return { kind: 'random' };
    }
  }

  private write(): void {
    this.text.value = this.example;
    this.show();
  }

  private show(): void {
    const choice = this.choice.value as Choice;
    this.text.hidden = choice !== 'typed';
    this.again.hidden = choice !== 'typed' || this.text.value === this.example;
    this.chosen.hidden = choice !== 'files';
  }

  private async read(given: readonly File[]): Promise<void> {
    this.pick.value = '';
    if (given.length === 0) return;
    this.status.classList.remove('error');
    try {
      this.files = await dataOf(given);
      const bytes = this.files.reduce((sum, file) => sum + file.bytes.length, 0);
      const count = this.files.length === 1 ? this.files[0]!.name : `${this.files.length} files`;
      this.status.textContent = `${count}, ${formatBytes(bytes)}`;
    } catch (error) {
      this.files = [];
      this.status.textContent = reasonOf(error);
      this.status.classList.add('error');
    }
  }
}
