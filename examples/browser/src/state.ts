/** What the panels share: the engine, the picture, and that one thing runs at a time. */
import type { Engine } from './engine.ts';
import type { Picture } from './picture.ts';

export class State extends EventTarget {
  private current: {
    readonly engine: Engine | undefined;
    readonly picture: Picture | undefined;
    readonly busy: boolean;
  } = { engine: undefined, picture: undefined, busy: false };

  get engine(): Engine | undefined {
    return this.current.engine;
  }
  get picture(): Picture | undefined {
    return this.current.picture;
  }
  get busy(): boolean {
    return this.current.busy;
  }
  /** whether there is something to ask about and nothing runs */
  get ready(): boolean {
    return this.current.engine !== undefined && this.current.picture !== undefined && !this.current.busy;
  }

  set(change: Partial<{ engine: Engine | undefined; picture: Picture; busy: boolean }>): void {
    this.current = { ...this.current, ...change };
    this.dispatchEvent(new Event('change'));
  }

  /** Runs work on the engine and the picture; nothing if something runs already. */
  async run(work: (engine: Engine, picture: Picture) => Promise<void>): Promise<void> {
    const { engine, picture } = this.current;
    if (!this.ready || !engine || !picture) return;
    this.set({ busy: true });
    try {
      await work(engine, picture);
    } finally {
      this.set({ busy: false });
    }
  }
}
