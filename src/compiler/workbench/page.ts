/** A report as one HTML page: no script, no font and no picture from elsewhere, so it opens anywhere and can be mailed. */

const STYLE = `
body { font: 14px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 1rem auto; padding: 0 1rem; color: #222; background: #fff; overflow-wrap: anywhere }
h1 { font-size: 1.4rem } h2 { font-size: 1rem; margin: 1.5rem 0 .2rem } .scroll { overflow-x: auto }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd; overflow-wrap: normal }
td:first-child, th:first-child { text-align: left; padding-left: 0 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0 } dt { color: #666 } dd { margin: 0 }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .4rem } }
.axis { font-size: 11px; color: #666 } .axis.x { text-align: right; margin: 0 .5rem .4rem 0 }
.plot { position: relative; height: 14rem; margin: .3rem .5rem 1.3rem 4.4rem; font-size: 11px; color: #666 }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100% } .plot span { position: absolute; white-space: nowrap }
.plot .y { right: 100%; margin-right: .4rem; transform: translateY(-50%) } .plot .x { top: 100%; transform: translateX(-50%) }
.plot .mark { top: 0; margin-left: .2rem; background: #fffc }
.legend { font-size: 12px; columns: 3 14rem } .legend span { display: inline-block; width: 1em; height: .6em; margin-right: .4em }
`;

/** What a run was: name and value. */
export type Facts = readonly (readonly [name: string, value: string])[];

export function renderPage(title: string, body: readonly string[]): string {
  const text = escapeHtml(title);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${text}</title>
<style>${STYLE}</style>
<h1>${text}</h1>
${body.filter((part) => part !== '').join('\n')}
</html>
`;
}

/** The first row is the head. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  const [head = [], ...rest] = rows;
  const lines = [row(head, 'th'), ...rest.map((cells) => row(cells, 'td'))];
  return `<div class="scroll"><table>\n${lines.join('\n')}\n</table></div>`;
}

export function renderList(items: readonly string[]): string {
  return `<ul>\n${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('\n')}\n</ul>`;
}

export function renderFacts(facts: Facts): string {
  if (facts.length === 0) return '';
  return `<dl>\n${facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('\n')}\n</dl>`;
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** The command that is running, as it could be given again: `mdl train 'my model.mdl' --init 0`. */
export function commandLine(argv: readonly string[] = process.argv): string {
  const quoted = argv
    .slice(2)
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return ['mdl', ...quoted].join(' ');
}
