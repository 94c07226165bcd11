/** guest.ts in Deno: a call per line of standard input, `{ name, argument }`, and its answer as a line of output. */
import { createInterface } from 'node:readline';
import './guest.ts';
import type { Guest } from './guest.ts';

const { guest } = globalThis as unknown as { guest: Record<keyof Guest, (argument: unknown) => Promise<unknown>> };

for await (const line of createInterface({ input: process.stdin })) {
  const { name, argument } = JSON.parse(line) as { readonly name: keyof Guest; readonly argument: unknown };
  const answer = await guest[name](argument).then(
    (result) => ({ result }),
    (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
