/** What is being worked on: texts by path, which file is the model's, and the settings. Panels listen to it. */
import type { Choice } from '../../../src/compiler/lsp/choice.ts';

export type SettingValue = string | number | boolean;

export interface Snapshot {
  readonly name: string;
  /** the file with the model that panels show */
  readonly root: string;
  readonly files: Readonly<Record<string, string>>;
  readonly config?: string | undefined;
  readonly set?: Readonly<Record<string, SettingValue>>;
  /** learning rate that training in the page begins with; the stage's schedule when absent */
  readonly rate?: number;
}

export class Project extends EventTarget {
  name = '';
  root = '';
  /** the file in the editor */
  open = '';
  config: string | undefined;
  rate: number | undefined;
  files = new Map<string, string>();
  set = new Map<string, SettingValue>();

  /** Another project takes the place of this one. */
  load({ name, root, files, config, rate, set = {} }: Snapshot): void {
    this.name = name;
    this.root = root;
    this.open = root;
    this.config = config;
    this.rate = rate;
    this.files = new Map(Object.entries(files));
    this.set = new Map(Object.entries(set));
    this.dispatchEvent(new Event('load'));
  }

  snapshot(): Snapshot {
    const { name, root, config } = this;
    return { name, root, config, files: Object.fromEntries(this.files), set: Object.fromEntries(this.set) };
  }

  get choice(): Choice {
    return { ...(this.config === undefined ? {} : { config: this.config }), set: Object.fromEntries(this.set) };
  }

  choose(config: string | undefined): void {
    if (config !== this.config) this.set.clear();
    this.config = config;
    this.dispatchEvent(new Event('settings'));
  }

  /** The file's first config, and no value changed. */
  chooseNothing(): void {
    this.config = undefined;
    this.set.clear();
    this.dispatchEvent(new Event('settings'));
  }

  setValue(name: string, value: SettingValue | undefined): void {
    if (value === undefined) this.set.delete(name);
    else this.set.set(name, value);
    this.dispatchEvent(new Event('settings'));
  }

  show(path: string): void {
    this.open = path;
    // panels are of the model in view; a file of modules alone belongs to the model before
    if (isModel(this.files.get(path) ?? '')) this.root = path;
    this.dispatchEvent(new Event('open'));
  }

  /** A text changed, in the editor or from outside. */
  write(path: string, text: string): void {
    const fresh = !this.files.has(path);
    this.files.set(path, text);
    this.dispatchEvent(new Event(fresh ? 'files' : 'edit'));
  }

  remove(path: string): void {
    this.files.delete(path);
    this.dispatchEvent(new Event('files'));
  }
}

/** The compiler says what a model is; this is only which file is shown first. */
export const isModel = (text: string): boolean => /^\s*model\s+\w/m.test(text);
