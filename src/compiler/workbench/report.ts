/** A run of training as one HTML page: what was run, then loss, learning rate and gradient norms by layer from the log. */
import { writeFile } from 'node:fs/promises';
import { isEvent, isStep, isValidation, type LogRecord, type StepRecord } from '../../runtime/train/index.ts';
import { type Chart, renderChart, type Series } from './chart.ts';
import { cliError, reasonOf } from './errors.ts';
import { escapeHtml, type Facts, renderFacts, renderList, renderPage, renderTable } from './page.ts';
import { readLog } from './training/log.ts';

export { type Chart, renderChart, type Series } from './chart.ts';

/** What a report says beside the log. */
export interface RunDescription {
  readonly facts: Facts;
  /** of held-out examples; the first row is the head */
  readonly scores?: readonly (readonly string[])[];
}

/** @throws CliError C0104, C0207 for the log, C0105 for the report */
export async function writeReport(
  log: string,
  file: string,
  title: string,
  description: RunDescription = { facts: [] },
): Promise<void> {
  const html = renderReport(title, readLog(log), description);
  await writeFile(file, html).catch((error: unknown) => {
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  });
}

export function renderReport(
  title: string,
  records: readonly LogRecord[],
  { facts, scores }: RunDescription = { facts: [] },
): string {
  const steps = records.filter(isStep);
  const events = records.filter(isEvent);
  // stages follow one another on the x axis
  const marks: { x: number; label: string }[] = [];
  const at = steps.map((record, x) => {
    if (record.stage !== steps[x - 1]?.stage) marks.push({ x, label: record.stage });
    return x;
  });
  const series = (name: string, value: (record: StepRecord) => number | undefined): Series => ({
    name,
    points: steps.map((record, x) => [at[x]!, Number(value(record) ?? Number.NaN)] as const),
  });
  const layers = [...new Set(steps.flatMap((record) => Object.keys(record.layers)))];
  const x = 'step, over all stages';
  const charts: Chart[] = [
    ...measureCharts(records, { x, marks }),
    { title: 'learning rate', x, series: [series('lr', ({ lr }) => lr)], marks },
    {
      title: 'gradient norm',
      x,
      y: 'norm before clipping',
      series: [series('all', ({ grad_norm }) => grad_norm)],
      logarithmic: true,
      marks,
    },
    {
      title: 'gradient norm by layer',
      x,
      y: 'norm before clipping',
      series: layers.map((layer) => series(layer, (record) => record.layers[layer]?.norm)),
      logarithmic: true,
      marks,
    },
    {
      title: 'tokens per second',
      x,
      series: [series('tokens/s', ({ tokens_per_second }) => tokens_per_second)],
      marks,
    },
  ];
  const notes = events.map(({ stage, step, event, detail }) => `${stage}, step ${step}: ${event}: ${detail}`);
  const head = ['stage', 'steps', 'first loss', 'last loss', 'seconds', 'feed', 'forward + backward', 'update'];
  return renderPage(`${title}: training`, [
    renderFacts(facts),
    '<h2>stages</h2>',
    renderTable([head, ...summaryRows(steps)]),
    '<h2>held-out scores</h2>',
    scores
      ? renderTable(scores)
      : `<p>${escapeHtml('not asked: --evaluate N puts N held-out examples to the model')}</p>`,
    ...(notes.length > 0 ? ['<h2>events</h2>', renderList(notes)] : []),
    ...charts.map(renderChart),
  ]);
}

/** The loss, then each other measure: in training, and on the validation rows where there are any. */
function measureCharts(records: readonly LogRecord[], rest: Pick<Chart, 'x' | 'marks'>): Chart[] {
  const steps = records.filter(isStep);
  const looks = records.filter(isValidation);
  const names = ['loss', ...steps.map(({ metrics }) => metrics), ...looks.map(({ validation }) => validation)].flatMap(
    (found) => (typeof found === 'string' ? [found] : Object.keys(found ?? {})),
  );
  const places = new Map(steps.map(({ stage, step }, x) => [`${step} ${stage}`, x]));
  const at = (name: string, { loss, metrics }: StepRecord): number =>
    Number(name === 'loss' ? loss : (metrics?.[name] ?? Number.NaN));
  return [...new Set(names)].map((name) => ({
    title: name,
    ...rest,
    series: [
      { name: looks.length > 0 ? 'training' : name, points: steps.map((record, x) => [x, at(name, record)] as const) },
      ...(looks.length === 0
        ? []
        : [
            {
              name: 'validation',
              points: looks.map(
                ({ stage, step, validation }) =>
                  [places.get(`${step} ${stage}`) ?? 0, Number(validation[name] ?? Number.NaN)] as const,
              ),
            },
          ]),
    ],
  }));
}

function summaryRows(steps: readonly StepRecord[]): string[][] {
  const stages = [...new Set(steps.map(({ stage }) => stage))];
  return stages.map((stage) => {
    const own = steps.filter((record) => record.stage === stage);
    const total = (part: keyof StepRecord['seconds']): number =>
      own.reduce((sum, { seconds }) => sum + seconds[part], 0);
    const [feed, step, update] = [total('feed'), total('step'), total('update')];
    const losses = [own[0]!, own.at(-1)!].map(({ loss }) => Number(loss).toFixed(4));
    return [
      stage,
      String(own.length),
      ...losses,
      ...[feed + step + update, feed, step, update].map((seconds) => seconds.toFixed(1)),
    ];
  });
}
