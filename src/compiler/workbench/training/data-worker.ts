/**
 * Batches in threads of their own (`--workers`): each thread opens the stage's data from the same description and makes the
 * batches that it is asked for. Import this file with `import()` alone: it is what a thread starts from, so it must be a file of its own
 * in a bundle too.
 *
 *     main     batch(7) ◀── made ahead        gradient graph runs, which holds this thread        batch(8) ◀── made meanwhile
 *     worker                8, 9 ─────────────────────▶
 */
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { RuntimeError, type RuntimeErrorCode } from '../../../runtime/errors.ts';
import type { Batch, DataSource } from '../../../runtime/train/index.ts';
import { CliError, type CliErrorCode, cliError, reasonOf } from '../errors.ts';
import { loadModel } from '../model.ts';
import { SILENT } from '../notes.ts';
import { openBatches } from './data.ts';
import type { RunOptions } from './options.ts';
import { ahead } from './read-ahead.ts';
import { loadStage, seedOf, stageOf } from './stages.ts';

/** What a thread opens data from: data, so that it can be sent. */
export interface WorkerRequest {
  readonly file: string;
  readonly stage: string;
  readonly options: RunOptions;
}

interface Failure {
  readonly code?: string;
  readonly message: string;
  readonly notes?: readonly string[];
  readonly stack?: string;
}

type Answer =
  | { readonly step: number; readonly batch: Batch }
  | { readonly step: number; readonly failure: Failure }
  | { readonly note: string };

const MARK = 'mdl batches';

/**
 * The same batches as `data` gives, made by `count` threads a little ahead of the step.
 * @param note is told once of each line that a thread says, such as a row that is skipped
 * @throws batches throw what those of `data` do, and CliError C0554 for a thread that ends
 */
export function inWorkers(
  data: DataSource,
  count: number,
  request: WorkerRequest,
  note: (line: string) => void,
): DataSource {
  const told = new Set<string>();
  const tell = (line: string): void => {
    if (!told.has(line)) note(line);
    told.add(line);
  };
  const threads = Array.from({ length: count }, () => new Thread(request, tell));
  const { name, rows, contents, rowName } = data;
  return {
    name,
    ...(rows === undefined ? {} : { rows }),
    ...(contents ? { contents: () => contents.call(data) } : {}),
    ...(rowName ? { rowName: (step, row) => rowName.call(data, step, row) } : {}),
    batch: ahead(count, (step) => threads[step % count]!.make(step)),
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

interface Waiting {
  resolve(batch: Batch): void;
  reject(error: unknown): void;
}

/** One worker, started when its first batch is asked for. It keeps the program alive only while a batch is being made. */
class Thread {
  private readonly request: WorkerRequest;
  private readonly note: (line: string) => void;
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;

  constructor(request: WorkerRequest, note: (line: string) => void) {
    this.request = request;
    this.note = note;
  }

  make(step: number): Promise<Batch> {
    this.worker ??= this.start();
    const { worker } = this;
    return new Promise((resolve, reject) => {
      this.waiting.set(step, { resolve, reject });
      worker.ref();
      worker.postMessage(step);
    });
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private start(): Worker {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { mark: MARK, request: this.request } });
    worker.on('message', (answer: Answer) => {
      if ('note' in answer) return this.note(answer.note);
      const waiting = this.waiting.get(answer.step)!;
      this.waiting.delete(answer.step);
      if (this.waiting.size === 0) worker.unref();
      if ('batch' in answer) waiting.resolve(answer.batch);
      else waiting.reject(errorOf(answer.failure));
    });
    const ended = (reason: string): void => {
      for (const { reject } of this.waiting.values()) reject(cliError('worker_ended', { reason }));
      this.waiting.clear();
    };
    worker.on('error', (error) => ended(reasonOf(error)));
    worker.on('exit', (code) => ended(`exit code ${code}`));
    return worker;
  }
}

/** As it was thrown in the thread: errors of ours are told from others by their class. */
function errorOf({ code, message, notes, stack }: Failure): Error {
  if (notes) return new CliError(code as CliErrorCode, message, notes);
  if (code !== undefined) return new RuntimeError(code as RuntimeErrorCode, message);
  return Object.assign(new Error(message), stack === undefined ? {} : { stack });
}

function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return { code: error.code, message: error.message, notes: error.notes };
  if (error instanceof RuntimeError) return { code: error.code, message: error.message };
  return error instanceof Error
    ? { message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) }
    : { message: String(error) };
}

/** The thread's side. What is said while data is opened, the main thread has said already. */
function serve({ file, stage: name, options }: WorkerRequest): void {
  const port = parentPort!;
  const send = (answer: Answer, transfer: ArrayBuffer[] = []): void => port.postMessage(answer, transfer);
  let open = false;
  const notes = {
    ...SILENT,
    note: (line: string): void => {
      if (open) send({ note: line });
    },
  };
  const opening = (async () => {
    const declared = stageOf(loadModel(file, options, SILENT).model, name);
    const { model, stage } = loadStage(file, options, declared, SILENT);
    const data = await openBatches(file, model, stage, { ...options, seed: seedOf(stage, options.seed) }, notes);
    open = true;
    return data;
  })();
  opening.catch(() => {}); // whoever asks for a batch is told
  port.on('message', async (step: number) => {
    try {
      const { feeds, tokens, rows } = await (await opening).batch(step);
      // copies, which can be handed over: data may keep its arrays
      const copies = Object.entries(feeds).map(([key, feed]) => [key, { ...feed, data: feed.data.slice() }] as const);
      send(
        { step, batch: { feeds: Object.fromEntries(copies) as Batch['feeds'], tokens, rows } },
        copies.map(([, { data }]) => data.buffer as ArrayBuffer),
      );
    } catch (error) {
      send({ step, failure: failureOf(error) });
    }
  });
}

const given = workerData as { readonly mark?: unknown; readonly request: WorkerRequest } | null;
if (!isMainThread && given?.mark === MARK) serve(given.request);
