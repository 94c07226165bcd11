/** Doc comments are Markdown of whoever wrote the file, a stranger's where a link was shared: only harmless elements stay. */
const KEPT = new Set([
  'P',
  'PRE',
  'CODE',
  'SPAN',
  'EM',
  'STRONG',
  'B',
  'I',
  'UL',
  'OL',
  'LI',
  'BR',
  'HR',
  'DIV',
  'H1',
  'H2',
  'H3',
  'H4',
]);

export function safeHtml(html: string): string {
  const { body } = new DOMParser().parseFromString(html, 'text/html');
  for (const element of [...body.querySelectorAll('*')]) {
    if (!KEPT.has(element.tagName)) {
      element.replaceWith(document.createTextNode(element.textContent ?? ''));
      continue;
    }
    for (const { name } of [...element.attributes]) if (name !== 'class') element.removeAttribute(name);
  }
  return body.innerHTML;
}
