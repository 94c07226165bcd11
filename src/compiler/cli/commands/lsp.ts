/** `mdl lsp`: the language server, for editors that start one. */
import { serveStdio } from '../../lsp/stdio.node.ts';

export default async function lsp(): Promise<void> {
  serveStdio();
}
