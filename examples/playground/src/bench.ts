/** What the panels share: the project, the model of its texts under the chosen settings, the entry and sizes in view. */

import type { Choice } from '../../../src/compiler/lsp/choice.ts';
import type { ViewEntry } from '../../../src/shared/view.ts';
import type { Sizes } from '../../../src/viewer/costs.ts';
import { firstSizes } from '../../../src/viewer/costs.ts';
import { later } from './dom.ts';
import type { LanguageClient } from './editor/client.ts';
import type { Project } from './project.ts';
import { METHODS, type ModelAnswer } from './protocol.ts';

export interface BenchEvents {
  onTrouble(error: unknown): void;
}

/** ms after an edit: the language server comes first */
const PAUSE = 250;

export class Bench extends EventTarget {
  readonly project: Project;
  private readonly language: LanguageClient;
  private readonly events: BenchEvents;
  /** of the texts as they were when they last had no errors */
  answer: ModelAnswer | undefined;
  /** the same without changed settings, to tell what they change */
  plain: ModelAnswer | undefined;
  /** whether the texts have errors now */
  stale = false;
  /** the texts are right as they stand, and what is chosen does not fit them: a config that is gone, a value of another kind */
  misfit = false;
  /** name of the entry in view */
  entry: string | undefined;
  private chosenSizes = new Map<string, number>();
  /** `models/phi-2.mdl:42`, of the cursor */
  line: string | undefined;
  private turn = 0;

  constructor(project: Project, language: LanguageClient, events: BenchEvents) {
    super();
    this.project = project;
    this.language = language;
    this.events = events;
    const soon = later(PAUSE, () => void this.refresh());
    project.addEventListener('load', () => {
      this.entry = undefined;
      this.answer = undefined;
      this.chosenSizes.clear();
      this.dispatchEvent(new Event('model'));
      void this.choose();
    });
    project.addEventListener('settings', () => void this.choose());
    project.addEventListener('edit', soon);
    project.addEventListener('files', soon);
    project.addEventListener('open', soon);
  }

  get graph(): ViewEntry | undefined {
    return this.answer?.view.entries[0];
  }

  /** Sizes of the dynamic dims of the entry in view. */
  get sizes(): Sizes {
    const first = firstSizes(this.graph);
    return new Map([...first].map(([name, size]) => [name, this.chosenSizes.get(name) ?? size]));
  }

  setSize(name: string, size: number): void {
    this.chosenSizes.set(name, size);
    this.dispatchEvent(new Event('model'));
  }

  showEntry(name: string): void {
    this.entry = name;
    void this.refresh();
  }

  atLine(line: string): void {
    if (line === this.line) return;
    this.line = line;
    this.dispatchEvent(new Event('line'));
  }

  /** Another program or other settings: the editor's shapes and messages follow too. */
  private async choose(): Promise<void> {
    // the choice goes first: texts are never read under another project's settings
    const chosen = this.language.request('mdl/choose', this.project.choice).catch(this.events.onTrouble);
    this.language.follow();
    await chosen;
    await this.refresh();
  }

  async refresh(): Promise<void> {
    const turn = ++this.turn;
    const { choice, set } = this.project;
    try {
      const answer = await this.model(choice, this.entry);
      const plain = set.size > 0 ? await this.model({ ...choice, set: {} }, this.entry) : answer;
      const chosen = choice.config !== undefined || set.size > 0;
      const misfit = !answer && chosen && (await this.model({}, this.entry)) !== null;
      if (turn !== this.turn) return;
      this.stale = !answer;
      this.misfit = misfit;
      if (answer) {
        this.answer = answer;
        this.plain = plain ?? undefined;
        this.entry = this.graph?.name;
      }
      this.dispatchEvent(new Event('model'));
    } catch (error) {
      if (turn === this.turn) this.events.onTrouble(error);
    }
  }

  /** The model under some settings; null where it has errors. */
  model(choice: Choice, entry?: string): Promise<ModelAnswer | null> {
    const asked = { path: this.project.root, choice, ...(entry === undefined ? {} : { entry }) };
    return this.language.request<ModelAnswer | null>(METHODS.model, asked);
  }
}
