/** The language server of a process: messages on stdin and stdout, files on disk. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createConnection, MessageType, ShowMessageNotification } from 'vscode-languageserver/node';
import { MAX_SOURCE_LENGTH } from '../syntax/parse.ts';
import { Server } from './server.ts';

/** Serves until the client ends the connection. */
export function serveStdio(): void {
  const connection = createConnection(process.stdin, process.stdout);
  const warned = new Set<string>();
  const read = (uri: string): string | undefined => {
    const bytes = bytesOf(uri);
    if (bytes && !isUtf8(bytes) && !warned.has(uri)) {
      warned.add(uri);
      const message = `${fileURLToPath(uri)} is not UTF-8, so no command of mdl reads it: save it as UTF-8`;
      void connection.sendNotification(ShowMessageNotification.type, { type: MessageType.Warning, message });
    }
    // the parser refuses what is longer; it need not be held
    return bytes?.toString('utf8').slice(0, MAX_SOURCE_LENGTH + 1);
  };
  new Server(connection, { read });
  connection.listen();
}

function bytesOf(uri: string): Buffer | undefined {
  if (!uri.startsWith('file:')) return undefined;
  try {
    return readFileSync(fileURLToPath(uri));
  } catch {
    return undefined;
  }
}
