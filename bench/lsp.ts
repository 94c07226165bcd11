/**
 * `npm run bench lsp`: from an edit to its diagnostics, in `mdl lsp` over stdio, on TinyGPT-V as it was released (39, 12 and
 * 32 layers), and what 10,000 edits leave in memory. Someone types statements into the model and into Phi-2, a character
 * at a time, and takes them back: most texts on the way do not parse, as when people type.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { MODEL, ROOT } from './support.ts';

const EDITS = 200;
const MANY = 10_000;
/** Where something is typed, and what: bodies of the model and of a layer, a member, a config, a stage. */
const TYPED: readonly (readonly [file: string, before: string, text: string])[] = [
  [MODEL, '    let text = llama', '    let mask = attention_mask != 0\n'],
  ['models/phi-2.mdl', '    x + post_layernorm(', '    let twice = h + h\n'],
  [MODEL, '  proj { mid = 4096 }', '  extra { size = 3 }\n'],
  ['models/phi-2.mdl', '  mlp             = MLP(', '  extra = LayerNorm(c.hidden_size)\n'],
  [MODEL, '  clip 1.0', '  accumulate 2\n'],
  [MODEL, '    let projected = llama_proj', '    // what the projection sees\n'],
];

interface Edit {
  readonly file: string;
  readonly offset: number;
  readonly remove: number;
  readonly text: string;
}

/** Typing and taking back, over and over. */
function* edits(texts: ReadonlyMap<string, string>): Generator<Edit> {
  for (;;) {
    for (const [file, before, text] of TYPED) {
      const offset = texts.get(file)!.indexOf(before);
      if (offset < 0) throw new Error(`${file} has no ${before}`);
      for (let at = 0; at < text.length; at++) yield { file, offset: offset + at, remove: 0, text: text[at]! };
      yield { file, offset, remove: text.length, text: '' };
    }
  }
}

class Editor {
  private readonly connection: MessageConnection;
  private readonly texts: Map<string, string>;
  private readonly waiting = new Map<string, () => void>();
  private version = 1;

  constructor(connection: MessageConnection, texts: Map<string, string>) {
    this.connection = connection;
    this.texts = texts;
    connection.onNotification('textDocument/publishDiagnostics', ({ uri }: { uri: string }) => {
      this.waiting.get(uri)?.();
    });
    connection.listen();
  }

  async open(): Promise<void> {
    const { connection } = this;
    await connection.sendRequest('initialize', { processId: null, rootUri: uriOf(''), capabilities: {} });
    await connection.sendNotification('initialized', {});
    for (const [path, text] of this.texts) {
      const published = this.published(path);
      const textDocument = { uri: uriOf(path), languageId: 'mdl', version: 1, text };
      await connection.sendNotification('textDocument/didOpen', { textDocument });
      await published;
    }
  }

  /** Milliseconds from an edit to the diagnostics of its file. */
  async edit({ file, offset, remove, text }: Edit): Promise<number> {
    const before = this.texts.get(file)!;
    this.texts.set(file, before.slice(0, offset) + text + before.slice(offset + remove));
    const range = { start: positionIn(before, offset), end: positionIn(before, offset + remove) };
    const began = performance.now();
    const published = this.published(file);
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri: uriOf(file), version: ++this.version },
      contentChanges: [{ range, text }],
    });
    await published;
    return performance.now() - began;
  }

  private published(path: string): Promise<void> {
    return new Promise((resolve) => this.waiting.set(uriOf(path), () => resolve()));
  }
}

function uriOf(path: string): string {
  return pathToFileURL(join(ROOT, path)).href;
}

function positionIn(text: string, offset: number): { line: number; character: number } {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length - 1, character: lines.at(-1)!.length };
}

/** Resident memory of a process in 10^6 bytes, by Linux's /proc. */
function resident(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(found![1]) * 1024) / 1e6;
}

export default async function lsp(): Promise<void> {
  const files = [...new Set(TYPED.map(([file]) => file))];
  const texts = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
  const typing = edits(new Map(texts));
  const child = spawn(process.execPath, ['dist/mdl.js', 'lsp', '--stdio'], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const streams = [new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin)] as const;
  const editor = new Editor(createMessageConnection(...streams), texts);
  await editor.open();
  const next = (): Promise<number> => editor.edit(typing.next().value!);
  // the first edits run code that is not compiled yet
  for (let index = 0; index < EDITS; index++) await next();
  const times: number[] = [];
  for (let index = 0; index < EDITS; index++) times.push(await next());
  times.sort((a, b) => a - b);
  const at = (share: number): string => `${times[Math.min(EDITS - 1, Math.floor(share * EDITS))]!.toFixed(0)} ms`;
  console.log(`edit to diagnostics, ${EDITS} edits: median ${at(0.5)}, 90 % ${at(0.9)}, worst ${at(1)}`);
  const megabytes: number[] = [];
  for (let edit = 2 * EDITS; edit < MANY; edit++) {
    await next();
    if ((edit + 1) % 2000 === 0) megabytes.push(resident(child.pid!));
  }
  console.log(`resident memory after each 2,000 of ${MANY} edits: ${megabytes.map((m) => m.toFixed(0)).join(', ')} MB`);
  child.kill();
}
