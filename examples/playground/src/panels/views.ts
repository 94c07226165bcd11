/** The tabs that show the model: its tree, its graph, and where costs go. All are the components of `mdl view`. */
import { costTables } from '../../../../src/viewer/cost-tables.ts';
import { costsByPath } from '../../../../src/viewer/costs.ts';
import { GraphView } from '../../../../src/viewer/graph.ts';
import { TreeView } from '../../../../src/viewer/tree.ts';
import type { Bench } from '../bench.ts';
import { make } from '../dom.ts';
import type { Panel } from '../tabs.ts';

type OnSource = (source: string) => void;

export function treePanel(bench: Bench, onSource: OnSource): Panel {
  const element = make('div');
  const tree = new TreeView(element, { onSource });
  return {
    name: 'Model',
    element,
    update() {
      const { answer, graph, sizes } = bench;
      if (answer) tree.show(answer.view, graph ? costsByPath(graph, sizes) : new Map());
    },
  };
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
