/**
 * A training step beside PyTorch's: the stage on ONNX Runtime and, in turns with it, PyTorch eager on the same model as MDL writes
 * it for PyTorch, with the same weights and the same batch. `MDL_PYTHON` names a Python with torch and safetensors.
 *
 * The losses are compared before anything is timed. A time is the median of the rounds' fastest steps.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { median, ms, ROOT, table, times, withFolder } from './support.ts';
import type { ContestRequest, Ready } from './training/contestant.ts';

const LARGE = ['phi.hidden_size=512', 'phi.intermediate_size=2048', 'phi.num_heads=8', 'phi.num_layers=6'];
const TINYGPTV = { file: 'models/tinygpt-v.mdl', config: 'nano', stage: 'stage2' };
const ROWS: readonly (Omit<ContestRequest, 'threads' | 'opset' | 'folder'> & { readonly name: string })[] = [
  {
    name: 'Phi, 2 layers, 2 × 64',
    file: 'bench/webgpu/models/phi_training.mdl',
    config: 'small',
    set: [],
    stage: 'pretrain',
    rows: 2,
    length: 64,
  },
  { name: 'TinyGPT-V nano, stage 2, 16 × 25', ...TINYGPTV, set: [], rows: 16, length: 25 },
  { name: 'TinyGPT-V 512 wide, stage 2, 4 × 128', ...TINYGPTV, set: LARGE, rows: 4, length: 128 },
];
const ROUNDS = 5;
/** of a round */
const STEPS = 6;
/** relative: both compute in f32, in another order */
const TOLERANCE = 1e-4;

export default async function torch(): Promise<void> {
  const python = process.env.MDL_PYTHON;
  if (python === undefined) {
    console.log('\ntorch: left out, since MDL_PYTHON names no Python with torch and safetensors');
    return;
  }
  const rows: string[][] = [];
  for (const threads of [1, 2]) {
    for (const { name, ...row } of ROWS)
      rows.push([name, String(threads), ...(await contest(python, { ...row, threads }))]);
  }
  const head = ['', 'threads', 'opset 17', 'opset 23', 'torch eager', 'opset 17 / torch', 'least', 'most'];
  table('a training step beside PyTorch eager, in turns', head, rows);
}

async function contest(python: string, row: Omit<ContestRequest, 'opset' | 'folder'>): Promise<string[]> {
  return withFolder(async (folder) => {
    const own = async (opset: 17 | 23): Promise<Contestant> => {
      const request: ContestRequest = { ...row, opset, folder };
      const script = ['--import', 'tsx', 'bench/training/contestant.ts', JSON.stringify(request)];
      return Contestant.start(process.execPath, script);
    };
    const ours = [await own(17), await own(23)] as const;
    const peer = await Contestant.start(python, ['bench/peers/torch_step.py', folder, String(row.threads)]);
    const all = [...ours, peer];
    try {
      const off = ours.find(({ loss }) => Math.abs(loss - peer.loss) > TOLERANCE * Math.abs(peer.loss));
      if (off) return [`wrong: a loss of ${off.loss}, and torch's is ${peer.loss}`];
      for (const contestant of all) await contestant.steps(3); // warm
      const rounds: number[][] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const fastest: number[] = [];
        for (const contestant of all) fastest.push(Math.min(...(await contestant.steps(STEPS))));
        rounds.push(fastest);
      }
      const ratios = rounds.map(([first, , last]) => first! / last!);
      const of = (index: number): string => ms(median(rounds.map((fastest) => fastest[index]!)));
      return [of(0), of(1), of(2), ...[median(ratios), Math.min(...ratios), Math.max(...ratios)].map(times)];
    } finally {
      for (const contestant of all) contestant.stop();
    }
  });
}

/** A process that answers lines. */
class Contestant {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  readonly loss: number;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, { loss }: Ready) {
    this.child = child;
    this.lines = lines;
    this.loss = loss;
  }

  static async start(program: string, args: readonly string[]): Promise<Contestant> {
    const child = spawn(program, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    return new Contestant(child, lines, (await answer(lines, program)) as Ready);
  }

  /** Milliseconds of each. */
  async steps(count: number): Promise<readonly number[]> {
    this.child.stdin!.write(`${count}\n`);
    return (await answer(this.lines, 'a contestant')) as number[];
  }

  stop(): void {
    this.child.kill();
  }
}

async function answer(lines: AsyncIterator<string>, who: string): Promise<unknown> {
  const { value, done } = await lines.next();
  if (done) throw new Error(`${who} ended without an answer`);
  return JSON.parse(value);
}
