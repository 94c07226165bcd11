/** The process of one contestant: `child.ts NAME`, or `child.ts limits` for the adapter alone. Does what the parent asks, in turn. */
import { CONTESTANTS, type Contestant, type Prepared, Unsupported } from './contestant.ts';
import { describeAdapter, installGpu, takeCounts } from './gpu.ts';
import { measureLimits } from './limits.ts';
import { problemOf } from './problem.ts';
import type { Opened, PreparedReply, Reply, Request, Timed } from './protocol.ts';
import { rowOf } from './rows.ts';

const name = process.argv[2]!;
const prepared = new Map<string, Prepared>();
let contestant: Contestant | undefined;

async function open(): Promise<Opened> {
  if (name === 'limits') return { about: 'the adapter', adapter: await describeAdapter(await installGpu()) };
  contestant = await CONTESTANTS[name]!();
  const adapter = contestant.counted ? await describeAdapter(await installGpu()) : undefined;
  return { about: contestant.about, adapter };
}

async function prepare(row: string): Promise<PreparedReply> {
  const problem = await problemOf(rowOf(row));
  const began = performance.now();
  const work = await contestant!.prepare(problem);
  prepared.set(row, work);
  const results = await work.run();
  const first = performance.now() - began;
  return { results: { ...results, ...(await work.details?.()) }, first };
}

async function time(row: string, runs: number): Promise<Timed> {
  const work = prepared.get(row)!;
  const ms: number[] = [];
  let results = {};
  for (let i = 0; i < runs; i++) {
    takeCounts();
    const began = performance.now();
    results = await work.run();
    ms.push(performance.now() - began);
  }
  return { ms, counts: contestant!.counted ? takeCounts() : undefined, results };
}

async function answer(request: Request): Promise<Extract<Reply, { kind: 'done' }>['value']> {
  switch (request.kind) {
    case 'open':
      return open();
    case 'prepare':
      return prepare(request.row);
    case 'time':
      return time(request.row, request.runs);
    case 'dispose':
      await prepared.get(request.row)?.dispose?.();
      prepared.delete(request.row);
      return undefined;
    case 'limits':
      return measureLimits(await installGpu());
  }
}

function reply(message: Reply): void {
  process.send!(message);
}

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => reply({ kind: 'done', value }),
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      reply({ kind: error instanceof Unsupported ? 'unsupported' : 'failed', reason });
    },
  );
});
// Dawn keeps threads that outlive the event loop
process.on('disconnect', () => process.exit(0));
reply({ kind: 'ready' });
