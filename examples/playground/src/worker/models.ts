/** Models for the page's panels, from the texts that the language server has. */
import { compile, type Model } from '../../../../src/compiler/index.ts';
import { type Graph, typeOf } from '../../../../src/compiler/ir/graph.ts';
import type { Workspace } from '../../../../src/compiler/lsp/workspace.ts';
import { viewOf } from '../../../../src/compiler/view/index.ts';
import type { TensorPort } from '../../../../src/shared/artifact.ts';
import { printDim } from '../../../../src/shared/dim.ts';
import { ROOT } from '../places.ts';
import type { Asked, CodeAnswer, CodeAsked, ModelAnswer, ModelAsked } from '../protocol.ts';

export class Models {
  private readonly workspace: Workspace;
  /** the latest models by what they were made of: a panel asks again for the one before */
  private readonly models = new Map<string, Model>();

  constructor(workspace: Workspace) {
    this.workspace = workspace;
  }

  /** null where the program has errors: the editor shows them. */
  model({ entry, ...asked }: ModelAsked): ModelAnswer | null {
    const model = this.compiled(asked);
    const shown = model && (model.entries.find((name) => name === entry) ?? model.entries.at(-1));
    const view = model && viewOf(model, shown === undefined ? [] : [shown]);
    if (!view) return null;
    const { program, settings, recipe } = model;
    return {
      view,
      entries: model.entries,
      stages: model.stages.map(({ name, doc, trained, minimizes }) => ({
        name,
        doc,
        trained: trained.length,
        trains: model.entries.includes(minimizes),
      })),
      ...lossOf(model),
      adapted: [...model.parameters.values()].some(({ adapter }) => adapter !== undefined),
      config: model.config(),
      settings: {
        configs: [...program.configs.keys()],
        config: settings.configName,
        flags: [...program.flags.values()].map(({ name, doc, value }) => ({
          name: name.text,
          doc,
          value: settings.flags.get(name.text) ?? value,
        })),
      },
      ...(recipe ? { recipe: { name: recipe.declaration.name, settings: recipe.settings } } : {}),
    };
  }

  /** null where the program has errors. @throws what a target refuses */
  async code({ entry, target, line, ...asked }: CodeAsked): Promise<CodeAnswer | null> {
    const model = this.compiled(asked);
    if (!model) return null;
    const { codeOf } = await import('./code.ts');
    return codeOf(model, entry, target, line);
  }

  private compiled({ path, choice }: Asked): Model | undefined {
    const texts = this.workspace.open.map((uri) => [uri, this.workspace.bufferOf(uri)!.text]);
    const id = JSON.stringify([path, choice, texts]);
    const known = this.models.get(id);
    if (known) return known;
    const set = Object.entries(choice.set ?? {}).map(([name, value]) => ({ name, text: String(value) }));
    const config = choice.config === undefined ? {} : { config: choice.config };
    const { model } = compile(path, this.workspace.hostOf(ROOT), { ...config, set });
    if (!model) return undefined;
    for (const old of [...this.models.keys()].slice(0, -1)) this.models.delete(old);
    this.models.set(id, model);
    return model;
  }
}

function lossOf(model: Model): Pick<ModelAnswer, 'loss'> {
  const name = model.stages.map(({ minimizes }) => minimizes).find((entry) => model.entries.includes(entry));
  const graph = name === undefined ? undefined : model.entry(name)?.graph;
  return graph ? { loss: { inputs: portsOf(graph, graph.inputs), outputs: portsOf(graph, graph.outputs) } } : {};
}

const portsOf = (graph: Graph, ports: Graph['inputs'] | Graph['outputs']): TensorPort[] =>
  ports.map(({ name, value }) => {
    const { dtype, shape } = typeOf(graph, value);
    return { name, dtype, shape: shape.map((dim) => (typeof dim === 'number' ? dim : printDim(dim))) };
  });
