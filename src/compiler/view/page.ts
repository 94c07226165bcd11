/** A view as one HTML file: the viewer, its style and the data in it; it asks nothing of other machines. */
import type { ModelView } from '../../shared/view.ts';
import { escapeText } from '../diagnostics/text.ts';

export interface Viewer {
  /** an ECMAScript module */
  readonly script: string;
  readonly style: string;
}

export function pageOf(view: ModelView, { script, style }: Viewer): string {
  const title = escapeText(view.name).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<script type="application/json" id="view">${JSON.stringify(view).replaceAll('<', '\\u003c')}</script>
<script type="module">${script.replaceAll('</script', '<\\/script')}</script>
</body>
</html>
`;
}
