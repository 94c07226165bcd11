/** The project's files: one is in the editor; new ones, removal. */
import { button, make } from '../dom.ts';
import type { Project } from '../project.ts';

export function filesPanel(list: HTMLElement, project: Project): void {
  const render = (): void => {
    const rows = [...project.files.keys()].map((path) => {
      const open = button(path.slice(path.lastIndexOf('/') + 1), () => project.show(path), {
        class: 'file',
        title: path,
        'aria-current': path === project.open ? 'true' : undefined,
      });
      const row = make('li', {}, open);
      if (path === project.root)
        row.append(make('span', { class: 'note', title: 'the panels show this model' }, 'model'));
      else row.append(button('×', () => project.remove(path), { class: 'remove', 'aria-label': `remove ${path}` }));
      return row;
    });
    list.replaceChildren(
      ...rows,
      make(
        'li',
        {},
        button('+ new file', () => create(), { class: 'quiet' }),
      ),
    );
  };
  const create = (): void => {
    const input = make('input', {
      type: 'text',
      'aria-label': 'name of the new file',
      placeholder: 'block.mdl',
      size: 12,
    });
    const done = (keep: boolean): void => {
      const name = input.value.trim();
      if (keep && name !== '') {
        const folder = project.root.slice(0, project.root.lastIndexOf('/') + 1);
        const path = folder + (name.endsWith('.mdl') ? name : `${name}.mdl`);
        if (!project.files.has(path)) project.write(path, '');
        project.show(path);
      }
      render();
    };
    input.addEventListener('keydown', ({ key }) => {
      if (key === 'Enter' || key === 'Escape') done(key === 'Enter');
    });
    list.lastElementChild!.replaceChildren(input);
    input.focus();
  };
  for (const event of ['load', 'open', 'files']) project.addEventListener(event, render);
}
