/** docs/small.md from what was measured. */

export interface Run {
  /** by phase, MB of 10^6 bytes */
  readonly rows: Readonly<Record<string, { readonly resident: number; readonly peak: number; readonly own: number }>>;
  readonly peak: number;
  readonly encodeSeconds: number;
  readonly firstSeconds: number;
  readonly secondsPerToken: number;
  /** bytes a second of a copy in the same process */
  readonly bandwidth: number;
}

export interface FullSize {
  readonly storage: 'int4' | 'int8';
  readonly writing?: { readonly seconds: number; readonly megabytes: number };
  /** bytes of all weights files, and of that which a token reads */
  readonly weights: number;
  readonly read: number;
  readonly run: Run;
  /** bytes that `mdl explain-plan --memory --target onnx` says */
  readonly session: number;
  /** and without a target: on a device */
  readonly plan: { readonly peak: number; readonly largest: number };
}

export interface Accuracy {
  readonly what: string;
  readonly f32: number;
  readonly loss: number;
  /** of ‖X Ŵᵀ − X Wᵀ‖ / ‖X Wᵀ‖ over products */
  readonly median: number;
  readonly most: number;
}

export interface Measured {
  readonly machine: string;
  readonly date: string;
  readonly tokens: number;
  readonly full: readonly FullSize[];
  readonly accuracy: readonly Accuracy[];
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${percent(Math.abs(value))}`;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const PHASES: Readonly<Record<string, string>> = {
  start: 'before a session',
  'decode loaded': '`decode` loaded',
  'encode_image loaded': '`encode_image` loaded too',
  'embed_tokens loaded': '`embed_tokens` loaded too',
  encode_image: 'after the picture',
  'first token': 'after the first token',
  'last token': 'after the last token',
};

export function smallPage({ machine, date, tokens, full, accuracy }: Measured): string {
  const names = full.map(({ storage }) => storage);
  const memory = table(
    ['Resident (at most in the phase)', ...names],
    [
      ...Object.entries(PHASES).map(([phase, what]) => [
        what,
        ...full.map(({ run }) => {
          const { resident, peak } = run.rows[phase]!;
          return `${gigabytes(1e6 * resident)} (${gigabytes(1e6 * peak)})`;
        }),
      ]),
      ['**at most, ever**', ...full.map(({ run }) => `**${gigabytes(1e6 * run.peak)}**`)],
    ],
  );
  const last = ({ run }: FullSize): number => 1e6 * run.rows['last token']!.resident;
  const predicted = table(
    ['', ...names],
    [
      ['weights files', ...full.map(({ weights }) => gigabytes(weights))],
      ['`mdl explain-plan --memory --target onnx`', ...full.map(({ session }) => gigabytes(session))],
      ['resident after the last token', ...full.map((one) => gigabytes(last(one)))],
      ['the session beside its prediction', ...full.map((one) => signed(last(one) / one.session - 1))],
      ['`mdl explain-plan --memory`: WebGPU, all entries', ...full.map(({ plan }) => gigabytes(plan.peak))],
      [
        'the largest buffer that a kernel binds',
        ...full.map(({ plan }) => `${(plan.largest / 2 ** 20).toFixed(1)} MiB`),
      ],
    ],
  );
  const speed = table(
    ['', ...names],
    [
      ['the picture', ...full.map(({ run }) => `${run.encodeSeconds.toFixed(1)} s`)],
      ['the prompt and the first token', ...full.map(({ run }) => `${run.firstSeconds.toFixed(1)} s`)],
      ['each further token', ...full.map(({ run }) => `${run.secondsPerToken.toFixed(2)} s`)],
      ['tokens a second', ...full.map(({ run }) => (1 / run.secondsPerToken).toFixed(2))],
      ['a copy in the same process', ...full.map(({ run }) => `${gigabytes(run.bandwidth)}/s`)],
      [
        'tokens a second if weights came at that rate',
        ...full.map(({ run, read }) => (run.bandwidth / read).toFixed(1)),
      ],
    ],
  );
  const writing = full.flatMap(({ storage, writing }) =>
    writing
      ? [
          `${storage} was written in ${(writing.seconds / 60).toFixed(0)} minutes at a peak of ${writing.megabytes.toFixed(0)} MB resident.`,
        ]
      : [],
  );
  const losses = table(
    ['', 'loss', 'change', 'error of outputs: median', 'largest'],
    [
      ['f32', accuracy[0]!.f32.toFixed(4), '', '', ''],
      ...accuracy.map(({ what, f32, loss, median, most }) => [
        what,
        loss.toFixed(4),
        signed(loss / f32 - 1),
        percent(median),
        percent(most),
      ]),
    ],
  );
  return `# Small: the full model in little memory

Written by \`npm run small\` (scripts/small.ts) from \`scripts/small/measured.json\`; numbers of ${date} on ${machine}. Others used that machine at the same time, so times
say what it took there, and memory is what Linux says in /proc/self/status. [Quantised weights](quantisation.md) says what the storages mean.

## TinyGPT-V at full size

3.9 billion parameters from seed 0, as \`mdl compile models/tinygpt-v.mdl --config full --init 0 --weights-dtype int4 --contrib-ops --opset 23 --entry encode_image --entry embed_tokens
--entry decode\` writes them (and with \`int8\`). \`node bench/small-run.mjs FOLDER ${tokens}\` asks ONNX Runtime on the CPU about a picture of 224 and takes ${tokens} tokens, in one process.
${writing.length > 0 ? `\n${writing.join(' ')}\n` : ''}
${memory}

The int4 folder took 3.35 GB at most before int8 was stored as two matrices of int4: ONNX Runtime made an f32 copy of \`lm_head\`, 0.52 GB, in each run.

### Told before

${predicted}

The prediction of a session has no part for what an entry computes in between, which ONNX Runtime's arena keeps, and counts caches twice: those of steps before wait for the garbage
collector. Tables of int8 are mapped from the file, and only rows that were looked up are resident.

### Speed

${speed}

## What it costs

The trained nano model (\`models/nano-pretrained.safetensors\`), by \`mdl compile --quantise-report --calibrate emoji\`: the mean loss of 8 batches behind the 8 that calibrate. It was not
trained on these tasks, so the loss is far from its best; what matters is the change.

${losses}

SmolLM2's perplexity with its released weights was not measured: they are not part of the project.
`;
}
