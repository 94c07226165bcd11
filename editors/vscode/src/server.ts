/** The language server as the extension ships it. */
import { serveStdio } from '../../../src/compiler/lsp/stdio.node.ts';

serveStdio();
