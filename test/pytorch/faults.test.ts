/** What goes wrong while train.py runs: it ends with one line and a code, what was written before is whole, and `--resume` goes on to the bit. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeTorch } from './support.ts';
import { compiled, drive, environment, pythonProgram, stepsOf, type Trained, train } from './training.ts';

/** Enough to be caught in the middle. */
const STEPS = 60;
const LONG = ['--steps', String(STEPS), '--checkpoint-every', '5'];

describeTorch('faults', () => {
  let folder: string;
  let rough: string;
  const at = (...names: string[]): string => join(folder, ...names);

  /** The shards with something done to them. */
  const damaged = (name: string, harm: (shards: string) => void): string => {
    cpSync(at('shards'), at(name), { recursive: true });
    harm(at(name));
    return name;
  };
  const firstShard = (shards: string): string => {
    const name = readdirSync(shards).find((one) => one.endsWith('.safetensors'))!;
    return join(shards, name);
  };

  beforeAll(async () => {
    folder = await compiled('fit');
    rough = await compiled('rough');
  }, 300_000);

  describe('one process', () => {
    let ran: Record<string, Trained> = {};
    beforeAll(() => {
      const shards = {
        missing: damaged('missing', (one) => rmSync(firstShard(one))),
        changed: damaged('changed', (one) => {
          const bytes = readFileSync(firstShard(one));
          bytes[bytes.length - 1]! ^= 1;
          writeFileSync(firstShard(one), bytes);
        }),
        cut: damaged('cut', (one) => writeFileSync(firstShard(one), readFileSync(firstShard(one)).subarray(0, -1))),
        'no index': damaged('no-index', (one) => rmSync(join(one, 'index.json'))),
        'an index that is cut': damaged('cut-index', (one) => {
          const text = readFileSync(join(one, 'index.json'), 'utf8');
          writeFileSync(join(one, 'index.json'), text.slice(0, 40));
        }),
      };
      const jobs = Object.entries(shards).map(
        ([name, data]) => [name, ['--data', data, '--out', `out-${name}`]] as const,
      );
      const steps = ['--data', 'shards', '--checkpoint-every', '1'];
      const all = [
        ...jobs.map(([name, argv]) => ({ name, folder, argv })),
        { name: 'whole', folder, argv: [...steps, '--out', 'whole'] },
        { name: 'begun', folder, argv: [...steps, '--out', 'full', '--steps', '2'] },
        { name: 'full', folder, argv: [...steps, '--out', 'full', '--resume'], limit: 20_000 },
        { name: 'went on', folder, argv: [...steps, '--out', 'full', '--resume'] },
        { name: 'rough', folder: rough, argv: ['--data', 'shards', '--out', 'out', '--checkpoint-every', '1'] },
      ];
      const results = drive(all.map(({ name: _, ...job }) => job));
      ran = Object.fromEntries(all.map(({ name }, index) => [name, results[index]!]));
    }, 300_000);

    it.each([
      ['missing', 'R1220', /shard missing.\S+ is missing/],
      ['cut', 'R1220', /has \d+ bytes, and the index names one of/],
      ['changed', 'R1220', /shard changed.\S+ was changed after it was written/],
      ['no index', 'C0104', /`mdl data write` makes the folder/],
      ['an index that is cut', 'R1221', /index.json is not JSON/],
    ])('shards: %s', (name, code, says) => {
      const { code: status, output } = ran[name]!;
      expect(status).toBe(1);
      expect(output).toContain(`train.py: ${code}: `);
      expect(output).toMatch(says);
      expect(output).not.toContain('Traceback');
      expect(existsSync(at(`out-${name}`, 'model.safetensors'))).toBe(false);
    });

    it('a disk that is full: what was written before is whole, and the run goes on to the bit', () => {
      expect(ran.begun!.code, ran.begun!.output).toBe(0);
      const { code, output } = ran.full!;
      expect(code, output).toBe(1);
      expect(output).toMatch(/train.py: R0122: the checkpoint .* cannot be written: .*; those before it are whole/);
      expect(ran['went on']!.code, ran['went on']!.output).toBe(0);
      expect(readFileSync(at('full', 'trained.safetensors'))).toEqual(readFileSync(at('whole', 'trained.safetensors')));
      expect(stepsOf(at('full')).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it('what is not finite: the first module that makes it, by its path, in the line and in the log', () => {
      const { code, output } = ran.rough!;
      expect(code, output).toBe(1);
      expect(output).toMatch(/train.py: R0801: .* is not finite at step \d+ of rough, first in \w+ of layers\.\d/);
      const log = readFileSync(join(rough, 'out', 'log.jsonl'), 'utf8')
        .trim()
        .split('\n');
      expect(JSON.parse(log.at(-1)!)).toMatchObject({ stage: 'rough', event: 'non_finite' });
      expect(existsSync(join(rough, 'out', 'model.safetensors'))).toBe(false);
    });
  });

  describe('a rank that is killed', () => {
    const children: number[] = [];
    afterEach(() => {
      for (const pid of children.splice(0)) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
    });

    /** Runs two ranks and kills the second once so many steps are logged. */
    const killed = async (out: string, ...launcher: readonly string[]): Promise<Trained> => {
      const args = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2', ...launcher];
      const program = ['model/train.py', '--data', 'shards', '--parallel', 'fsdp2', '--out', out, ...LONG];
      const child = spawn(pythonProgram(), [...args, ...program], { cwd: folder, env: environment, stdio: 'pipe' });
      children.push(child.pid!);
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => {
          output += data.toString();
        });
      const ended = once(child, 'exit');
      const log = at(out, 'log.jsonl');
      await expect
        .poll(() => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length : 0), {
          timeout: 120_000,
          interval: 20,
        })
        .toBeGreaterThan(12);
      const ranks = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number);
      const second = ranks.find((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('\0RANK=1\0'))!;
      process.kill(second, 'SIGKILL');
      const [code] = (await ended) as [number];
      return { code, output };
    };

    let whole: Buffer;
    beforeAll(() => {
      const { code, output } = train(folder, 2, '--parallel', 'fsdp2', '--out', 'unbroken', ...LONG);
      expect(code, output).toBe(0);
      whole = readFileSync(at('unbroken', 'trained.safetensors'));
    }, 300_000);
    const expectWhole = (out: string): void => {
      expect(readFileSync(at(out, 'trained.safetensors'))).toEqual(whole);
      expect(stepsOf(at(out)).map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, index) => index + 1));
    };

    it('ends the job with its signal, and --resume goes on to the bit', async () => {
      const { code, output } = await killed('killed');
      expect(code).toBe(1);
      expect(output).toContain('SIGKILL');
      expect(existsSync(at('killed', 'model.safetensors'))).toBe(false);
      const resumed = train(folder, 2, '--parallel', 'fsdp2', '--out', 'killed', '--resume', ...LONG);
      expect(resumed.code, resumed.output).toBe(0);
      expect(resumed.output).toMatch(/fit: step [1-9]\d* of 60/);
      expectWhole('killed');
    }, 300_000);

    it('torchrun --max-restarts goes on by itself', async () => {
      const { code, output } = await killed('restarted', '--max-restarts', '1');
      expect(code, output).toBe(0);
      expect(output).toMatch(/fit: step [1-9]\d* of 60/);
      expectWhole('restarted');
    }, 300_000);
  });

  it('bf16, and parts in host memory', () => {
    const runs = {
      plain: ['--parallel', 'fsdp2'],
      offloaded: ['--parallel', 'fsdp2', '--offload'],
      bf16: ['--parallel', 'fsdp2', '--precision', 'bf16', '--offload'],
      'bf16-ddp': ['--parallel', 'ddp', '--precision', 'bf16'],
    };
    for (const [name, args] of Object.entries(runs)) {
      const { code, output } = train(folder, 2, '--out', name, ...args);
      expect(code, `${name}: ${output}`).toBe(0);
    }
    const losses = (name: string): number[] => stepsOf(at(name)).map(({ loss }) => loss);
    expect(losses('offloaded')).toEqual(losses('plain'));
    for (const name of ['bf16', 'bf16-ddp']) {
      for (const [index, loss] of losses(name).entries())
        expect(Math.abs(loss / losses('plain')[index]! - 1)).toBeLessThan(0.03);
      expect(losses(name)).not.toEqual(losses('plain'));
    }
  }, 300_000);
});
