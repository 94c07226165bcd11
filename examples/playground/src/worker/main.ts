/** The language worker: the server of `mdl lsp` without a process or a disk, and what the page's panels ask. */
import {
  BrowserMessageReader,
  BrowserMessageWriter,
  createConnection,
  ResponseError,
} from 'vscode-languageserver/browser';
import { Server } from '../../../../src/compiler/lsp/server.ts';
import { type CodeAsked, METHODS, type ModelAsked } from '../protocol.ts';
import { Models } from './models.ts';

/** RequestFailed of the protocol. */
const REFUSED = -32803;

const port = globalThis as unknown as ConstructorParameters<typeof BrowserMessageReader>[0];
const connection = createConnection(new BrowserMessageReader(port), new BrowserMessageWriter(port));
// every file of the project is open in the server, so there is nothing else to read
const server = new Server(connection, { read: () => undefined });
const models = new Models(server.session.workspace);
connection.onRequest(METHODS.model, (asked) => answered(() => models.model(asked as ModelAsked)));
connection.onRequest(METHODS.code, (asked) => answered(() => models.code(asked as CodeAsked)));
connection.listen();

/** What a target refuses is for the user to read, and no failure of the connection. */
async function answered<T>(work: () => T | Promise<T>): Promise<T | ResponseError> {
  try {
    return await work();
  } catch (error) {
    return new ResponseError(REFUSED, error instanceof Error ? error.message : String(error));
  }
}
