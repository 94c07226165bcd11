/** The language server of a process: messages on stdin and stdout, files on disk. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createConnection } from 'vscode-languageserver/node';
import { MAX_SOURCE_LENGTH } from '../syntax/parse.ts';
import { Server } from './server.ts';

/** Serves until the client ends the connection. */
export function serveStdio(): void {
  const connection = createConnection(process.stdin, process.stdout);
  new Server(connection, { read });
  connection.listen();
}

function read(uri: string): string | undefined {
  if (!uri.startsWith('file:')) return undefined;
  try {
    const text = readFileSync(fileURLToPath(uri), 'utf8');
    // the parser refuses what is longer; it need not be held
    return text.slice(0, MAX_SOURCE_LENGTH + 1);
  } catch {
    return undefined;
  }
}
