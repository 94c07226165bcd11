/** A web server on this machine for one page: folders and texts under paths of their own, nothing else. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.wasm': 'application/wasm', // compiled while it loads only under this type
};

export interface Site {
  /** path prefix (`/ort/`) → folder; the first that matches serves */
  readonly folders: Readonly<Record<string, string>>;
  /** path → text */
  readonly texts: Readonly<Record<string, string>>;
}

export interface Server {
  /** `http://127.0.0.1:1234` */
  readonly origin: string;
  close(): Promise<void>;
}

export async function serve({ folders, texts }: Site): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://page').pathname));
    const type = { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' };
    const text = Object.hasOwn(texts, path) ? texts[path] : undefined;
    if (text !== undefined) {
      response.writeHead(200, type).end(text);
      return;
    }
    const prefix = Object.keys(folders).find((start) => path.startsWith(start));
    const file = prefix === undefined ? undefined : join(folders[prefix]!, path.slice(prefix.length));
    if (file === undefined || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { ...type, 'content-length': statSync(file).size });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
