/** Tabs as ARIA has them: arrows, Home and End move, a panel works only while it is in view. */
import { make } from './dom.ts';

export interface Panel {
  readonly name: string;
  readonly element: HTMLElement;
  /** draws what is there now; called when it comes into view and when anything changed while it is */
  update(): void;
}

export class Tabs {
  private readonly panels: readonly Panel[];
  private readonly tabs: readonly HTMLButtonElement[];
  private current = 0;

  constructor(list: HTMLElement, places: HTMLElement, panels: readonly Panel[]) {
    this.panels = panels;
    this.tabs = panels.map(({ name, element }, index) => {
      const id = name.toLowerCase();
      const tab = make(
        'button',
        { type: 'button', role: 'tab', id: `tab-${id}`, 'aria-controls': `panel-${id}` },
        name,
      );
      tab.addEventListener('click', () => this.show(index));
      Object.assign(element, { id: `panel-${id}`, className: 'panel' });
      element.setAttribute('role', 'tabpanel');
      element.setAttribute('aria-labelledby', tab.id);
      return tab;
    });
    list.append(...this.tabs);
    places.append(...panels.map(({ element }) => element));
    list.addEventListener('keydown', (event) => this.onKey(event));
    this.show(0);
  }

  show(index: number): void {
    this.current = index;
    for (const [at, tab] of this.tabs.entries()) {
      const chosen = at === index;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      this.panels[at]!.element.hidden = !chosen;
    }
    this.update();
  }

  update(): void {
    this.panels[this.current]!.update();
  }

  private onKey(event: KeyboardEvent): void {
    const last = this.tabs.length - 1;
    const to: Readonly<Record<string, number>> = {
      ArrowRight: this.current === last ? 0 : this.current + 1,
      ArrowLeft: this.current === 0 ? last : this.current - 1,
      Home: 0,
      End: last,
    };
    if (!Object.hasOwn(to, event.key)) return;
    event.preventDefault();
    this.show(to[event.key]!);
    this.tabs[this.current]!.focus();
  }
}
