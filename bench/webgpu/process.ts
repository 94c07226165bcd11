/** A contestant's process, as the benchmark sees it: one request at a time, answered in order. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../support.ts';
import type { Environment } from './adapter.ts';
import { Unsupported } from './contestant.ts';
import type { Reply, Request } from './protocol.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
/** Of the process's stderr, for when it ends by itself. */
const KEPT_CHARACTERS = 600;

export class ContestantProcess {
  private readonly child: ChildProcess;
  private errors = '';
  private ended: string | undefined;

  private constructor(name: string, env: Environment) {
    this.child = fork(CHILD, [name], {
      cwd: ROOT,
      env: env as NodeJS.ProcessEnv,
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
      silent: true,
    });
    this.child.stdout!.resume();
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-KEPT_CHARACTERS);
    });
    this.child.on('exit', (code, signal) => {
      this.ended = `its process ended (${signal ?? code}): ${this.errors.trim()}`;
    });
  }

  static async start(name: string, env: Environment): Promise<ContestantProcess> {
    const started = new ContestantProcess(name, env);
    await started.reply();
    return started;
  }

  /** @throws Unsupported, or Error with what the contestant says */
  async ask<R>(request: Request): Promise<R> {
    if (this.ended !== undefined) throw new Error(this.ended);
    const reply = this.reply();
    this.child.send(request);
    const answer = await reply;
    if (answer.kind === 'unsupported') throw new Unsupported(answer.reason);
    if (answer.kind === 'failed') throw new Error(answer.reason);
    return (answer.kind === 'done' ? answer.value : undefined) as R;
  }

  stop(): void {
    if (this.child.connected) this.child.disconnect();
  }

  private reply(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: unknown): void => {
        this.child.off('exit', onExit);
        resolve(message as Reply);
      };
      const onExit = (): void => {
        this.child.off('message', onMessage);
        // after the listener that tells why
        setImmediate(() => reject(new Error(this.ended)));
      };
      this.child.once('message', onMessage);
      this.child.once('exit', onExit);
    });
  }
}
