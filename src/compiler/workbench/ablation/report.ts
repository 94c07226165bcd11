/** An ablation as one report, in three forms: HTML with its curves drawn, Markdown, JSON. */
import type { Published } from '../../../recipes/recipe.ts';
import { type CellRecord, goesOn } from '../../../runtime/train/cell.ts';
import type { RunSettings } from '../../../runtime/train/index.ts';
import { VANISHING } from '../../../runtime/train/statistics.ts';
import { type Chart, renderChart, type Series } from '../chart.ts';
import { escapeHtml, renderList, renderPage, renderTable } from '../page.ts';
import { type CellSummary, cellText, differenceText, type Layout, meanCurve, summarise } from './summary.ts';

export interface Report extends Layout {
  readonly model: string;
  readonly config: string;
  /** where the weights that every variant starts from came from */
  readonly weights: string;
  /** each seed has initial weights of its own */
  readonly varyInit?: boolean;
  readonly data: string;
  readonly settings: RunSettings;
  /** as it could be given again */
  readonly command?: string;
  /** `2 × Some CPU, linux x64, Node 20.12.0` */
  readonly machine: string;
  /** ISO 8601 */
  readonly date: string;
  /** what was known before the first step: flags whose tensors nothing trains */
  readonly warnings?: readonly string[];
  /** what a paper says of this model */
  readonly published?: Published;
  readonly records: readonly CellRecord[];
}

type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'table'; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: 'list'; readonly items: readonly string[] };

/** What the paper says, where it has one of the stages. */
const publishedOf = ({ published, stages }: Report): Published | undefined =>
  stages.some((stage) => published?.stages.includes(stage)) ? published : undefined;

/** Its value for a flag turned off; empty where its table has no such row or column. */
function paperLoss({ stages, losses }: Published, flag: string | undefined, stage: string): string {
  const row = flag ?? 'full';
  return (Object.hasOwn(losses, row) ? losses[row]![stages.indexOf(stage)] : undefined) ?? '';
}

/** Rows of variants, columns of stages; with a paper's beside each where it is given. */
export function lossTable(report: Report, paper?: Published): string[][] {
  const cells = summarise(report.records, report);
  const columns = report.stages.flatMap((stage) => (paper ? [stage, 'paper'] : [stage]));
  return [
    ['variant', ...columns],
    ...report.variants.map(({ id, label, flag }) => [
      label,
      ...cells
        .filter(({ variant }) => variant === id)
        .flatMap((cell) => (paper ? [cellText(cell), paperLoss(paper, flag, cell.stage)] : [cellText(cell)])),
    ]),
  ];
}

const rowsOf = (
  { variants, stages }: Layout,
  cells: readonly CellSummary[],
  text: (cell: CellSummary) => string,
): string[][] => [
  ['variant', ...stages],
  ...variants.map(({ id, label }) => [label, ...cells.filter(({ variant }) => variant === id).map(text)]),
];

/** Rows of variants, columns of stages: what is measured at held-out rows. */
export const metricTable = (report: Report): string[][] =>
  rowsOf(report, summarise(report.records, report), (cell) => cellText(cell, cell.metric));

/** The same without the full model, from which each cell is the difference: means over pairs of runs with one seed. */
export const differenceTable = (report: Report, by: 'difference' | 'metric_difference'): string[][] =>
  rowsOf({ ...report, variants: report.variants.slice(1) }, summarise(report.records, report), (cell) =>
    differenceText(cell[by]),
  );

/** By what is measured at held-out rows, where variants are compared by it. */
function judgedBlocks(report: Report): Block[] {
  const { metric, variants } = report;
  if (!metric) return [];
  const { name, best } = metric;
  return [
    { kind: 'heading', text: `Held-out ${name}` },
    {
      kind: 'paragraph',
      text: `After the last step of each stage, over rows that no variant was trained on; the ${best === 'min' ? 'smaller' : 'larger'}, the better.`,
    },
    { kind: 'table', rows: metricTable(report) },
    ...(variants.length > 1
      ? [
          { kind: 'heading', text: `Difference in held-out ${name} from the full model` } as const,
          {
            kind: 'paragraph',
            text: `Pairs of runs with one seed. ${best === 'min' ? 'Above' : 'Below'} 0: the variant is worse.`,
          } as const,
          { kind: 'table', rows: differenceTable(report, 'metric_difference') } as const,
        ]
      : []),
  ];
}

const startText = ({ weights, varyInit, data }: Report): string =>
  varyInit
    ? `Variants with one seed start from the same weights (${weights}), and see the same batches (${data}).`
    : `Every variant starts from the same weights (${weights}) and sees the same batches (${data}).`;

function blocksOf(report: Report): Block[] {
  const { variants, seeds, stages, last, records } = report;
  const paper = publishedOf(report);
  const steps = (stage: string): number =>
    Math.max(0, ...records.filter((record) => record.stage === stage).map(({ loss }) => loss.length));
  const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
  const label = (id: string): string => variants.find((variant) => variant.id === id)?.label ?? id;
  const events = records.flatMap((record) => {
    const where = `${label(record.variant)}, seed ${record.seed}, ${record.stage}`;
    const told = record.events.map(({ step, event, detail }) => `${where}, step ${step}: ${event}: ${detail}`);
    const ended = goesOn(record) ? [] : [`${where}: stopped after ${record.loss.length} steps: ${record.detail}`];
    return [...told, ...ended];
  });
  const { threshold, patience } = VANISHING;
  return [
    ...judgedBlocks(report),
    { kind: 'heading', text: report.metric ? 'Final loss in training' : 'Final loss' },
    {
      kind: 'paragraph',
      text:
        `Mean of the last ${last} steps of each stage; over ${seeds.length === 1 ? 'one seed' : `${seeds.length} seeds: mean ± sample standard deviation`}. ` +
        `${startText(report)} ` +
        `"vanish": a trained layer had a gradient norm below ${threshold} for ${patience} steps in a row; "NaN": the loss or a gradient was not finite; "–": nothing to train, or an earlier stage did not end; "…": not run yet.`,
    },
    { kind: 'table', rows: lossTable(report, paper) },
    ...(paper ? [{ kind: 'paragraph', text: paper.caveat } as const] : []),
    ...(variants.length > 1
      ? [
          { kind: 'heading', text: 'Difference from the full model' } as const,
          {
            kind: 'paragraph',
            text: 'Pairs of runs with one seed, which saw the same batches. Above 0: the variant is worse. A difference within its spread says nothing.',
          } as const,
          {
            kind: 'table',
            rows: differenceTable(report, 'difference'),
          } as const,
        ]
      : []),
    ...(report.warnings && report.warnings.length > 0
      ? [{ kind: 'heading', text: 'Warnings' } as const, { kind: 'list', items: report.warnings } as const]
      : []),
    { kind: 'heading', text: 'Events' },
    events.length > 0
      ? { kind: 'list', items: events }
      : { kind: 'paragraph', text: 'None: no NaN, no vanishing gradient, no variant that failed.' },
    { kind: 'heading', text: 'How it was run' },
    {
      kind: 'list',
      items: [
        `model ${report.model}, config ${report.config}; seeds ${seeds.join(', ')}`,
        `steps: ${stages.map((stage) => `${stage} ${steps(stage)}`).join(', ')}; ${records.length} of ${variants.length * seeds.length * stages.length} cells in ${Math.round(seconds)} s`,
        ...(report.command === undefined ? [] : [`command: ${report.command}`]),
        `flags: ${flagsText(report.settings)}`,
        `machine: ${report.machine}; ${report.date}`,
        ...Object.entries(report.settings)
          .filter(([name]) => SHOWN.includes(name))
          .map(([name, value]) => `${name}: ${value}`),
      ],
    },
  ];
}

/** `lora on, qk_norm off`: of the full model. */
function flagsText(settings: RunSettings): string {
  const flags = Object.entries(settings).flatMap(([name, value]) =>
    name.startsWith('flag ') ? [`${name.slice('flag '.length)} ${value === 'true' ? 'on' : 'off'}`] : [],
  );
  return flags.join(', ') || 'none';
}

/** Settings that are short enough to read; the others are in the JSON. */
const SHOWN = ['set', 'batch size', 'learning rate', 'backend', 'opset'];

export function renderMarkdown(report: Report): string {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const parts = blocksOf(report).map((block) => {
    if (block.kind === 'heading') return `## ${block.text}`;
    if (block.kind === 'paragraph') return block.text;
    if (block.kind === 'list') return block.items.map((item) => `- ${item}`).join('\n');
    const [head = [], ...rows] = block.rows;
    return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
  });
  return `# ${report.model}: ablation\n\n${parts.join('\n\n')}\n`;
}

export function renderHtml(report: Report): string {
  const body = blocksOf(report).map((block) => {
    if (block.kind === 'heading') return `<h2>${escapeHtml(block.text)}</h2>`;
    if (block.kind === 'paragraph') return `<p>${escapeHtml(block.text)}</p>`;
    return block.kind === 'list' ? renderList(block.items) : renderTable(block.rows);
  });
  return renderPage(`${report.model}: ablation`, [...body, ...chartsOf(report).map(renderChart)]);
}

/** For each stage: loss, gradient norm and the smallest layer's, one line per variant, the mean over seeds. */
function chartsOf({ variants, stages, records, metric }: Report): Chart[] {
  return stages.flatMap((stage) => {
    const series = (curve: (record: CellRecord) => readonly number[]): Series[] =>
      variants.flatMap(({ id, label }) => {
        const own = records.filter((record) => record.variant === id && record.stage === stage);
        return own.length === 0 ? [] : [{ name: label, points: meanCurve(own.map(curve)) }];
      });
    // a variant keeps its colour where others have no curve
    const names = variants.map(({ label }) => label);
    const norms = { y: 'norm before clipping', logarithmic: true, names };
    const looks = (record: CellRecord): readonly (readonly [number, number])[] =>
      (record.looks ?? []).map(({ step, validation }) => [step, validation[metric!.name] ?? Number.NaN]);
    const judged = variants.flatMap(({ id, label }) => {
      const own = records.filter((record) => record.variant === id && record.stage === stage && record.looks);
      const steps = own[0] ? looks(own[0]).map(([step]) => step) : [];
      const means = meanCurve(own.map((record) => looks(record).map(([, value]) => value)));
      return own.length === 0
        ? []
        : [{ name: label, points: means.map(([, value], i) => [steps[i] ?? Number.NaN, value] as const) }];
    });
    return [
      ...(metric
        ? [{ title: `${stage}: held-out ${metric.name}`, y: `${metric.name}, mean over seeds`, names, series: judged }]
        : []),
      { title: `${stage}: loss`, y: 'loss, mean over seeds', names, series: series(({ loss }) => loss) },
      { title: `${stage}: gradient norm`, ...norms, series: series(({ grad_norm }) => grad_norm) },
      {
        title: `${stage}: smallest gradient norm of any trained layer`,
        ...norms,
        series: series(({ smallest_norm }) => smallest_norm),
      },
    ];
  });
}

/** Everything, for programs: fields are only ever added. */
export function reportJson(report: Report): object {
  const { variants, records, published: _, ...rest } = report;
  const paper = publishedOf(report);
  return {
    version: 1,
    ...rest,
    variants: variants.map(({ id, label, flag }) => ({ id, label, flag: flag ?? null })),
    summary: summarise(records, report),
    cells: records,
    ...(paper ? { paper: { stages: paper.stages, losses: paper.losses, caveat: paper.caveat } } : {}),
  };
}
