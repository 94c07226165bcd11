/** The tabs that show the model: its tree, its graph, and where costs go. All are the components of `mdl view`. */
import { costTables } from '../../../../src/viewer/cost-tables.ts';
import { costsByPath } from '../../../../src/viewer/costs.ts';
import { GraphView } from '../../../../src/viewer/graph.ts';
import { TreeView } from '../../../../src/viewer/tree.ts';
import type { Bench } from '../bench.ts';
import { button, make } from '../dom.ts';
import type { Panel } from '../tabs.ts';

type OnSource = (source: string) => void;

export function treePanel(bench: Bench, onSource: OnSource): Panel {
  const place = make('div');
  const element = make('div', {}, place, firstSteps());
  const tree = new TreeView(place, { onSource });
  return {
    name: 'Model',
    element,
    update() {
      const { answer, graph, sizes } = bench;
      if (answer) tree.show(answer.view, graph ? costsByPath(graph, sizes) : new Map());
    },
  };
}

/** What there is to do here, for those who see it for the first time. */
function firstSteps(): HTMLElement {
  const to = (name: string): HTMLElement =>
    button(name, () => document.getElementById(`tab-${name.toLowerCase()}`)?.click(), { class: 'link' });
  return make(
    'details',
    { class: 'first-steps', open: true },
    make('summary', {}, 'First steps'),
    make(
      'ol',
      {},
      make('li', {}, 'Change a size in the text or by its slider: shapes, parameters and costs follow.'),
      make('li', {}, 'Break something, a shape or a name: the message below the text says both sides; F8 goes there.'),
      make(
        'li',
        {},
        'Switch a flag: what it costs stands beside the number of parameters. ',
        to('Compare'),
        ' trains both.',
      ),
      make(
        'li',
        {},
        to('Train'),
        ' the model on data of your own, see what ',
        to('Run'),
        ' gives, and take it along as ONNX.',
      ),
    ),
  );
}

export function costPanel(bench: Bench): Panel {
  const element = make('div');
  return {
    name: 'Costs',
    element,
    update() {
      const { answer, graph, sizes } = bench;
      if (answer && graph) element.replaceChildren(costTables(answer.view, graph, sizes));
    },
  };
}

export function graphPanel(bench: Bench, onSource: OnSource): Panel {
  const element = make('div');
  const view = new GraphView(element, { onSource });
  let shown: Bench['graph'];
  bench.addEventListener('line', () => {
    if (!element.hidden) view.mark(bench.line);
  });
  return {
    name: 'Graph',
    element,
    update() {
      const { graph } = bench;
      if (graph && graph !== shown) void view.show(graph).then(() => view.mark(bench.line));
      shown = graph;
    },
  };
}
