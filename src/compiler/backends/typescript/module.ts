/**
 * A plan → the module that a program imports: `create<Model>(device, weights)` with a typed method per entry.
 *
 * An ES module and its declarations, so that pages and Node need no build step. It is thin: all work is the runtime's
 * (`mdl-compiler/webgpu`, nothing else is imported). Both files are made of ts-morph's structures, which print names and
 * types; names from the model pass through names.ts, all other text through JSON.stringify or commentText.
 */
import {
  type OptionalKind,
  Project,
  type PropertySignatureStructure,
  type SourceFile,
  VariableDeclarationKind,
} from 'ts-morph';
import type { TensorPort } from '../../../shared/artifact.ts';
import type { TrainingPlan } from '../../../shared/training.ts';
import type { EntryPlan, WebGpuPlan } from '../../../shared/webgpu.ts';
import { camelCase, commentText, moduleName, Names, pascalCase, propertyName } from './names.ts';
import { batchPorts, ownEntries } from './training.ts';

/** What the header says beside what the plan knows. */
export interface Provenance {
  /** the command that writes it again */
  readonly command: string;
}

export interface GeneratedModule {
  /** base name of the files, from the .mdl file's: `tinygpt-v` */
  readonly name: string;
  /** the function that opens the model: `createTinyGPTV` */
  readonly create: string;
  /** file name → text */
  readonly files: ReadonlyMap<string, string>;
}

interface EntryNames {
  readonly entry: string;
  readonly plan: EntryPlan;
  /** of the method */
  readonly method: string;
  /** of the types, before `Inputs` and `Outputs` */
  readonly type: string;
}

interface ModelNames {
  readonly model: string;
  readonly create: string;
  readonly entries: readonly EntryNames[];
  readonly generates: boolean;
  readonly training: TrainingPlan | undefined;
  /** what a step of it takes */
  readonly batch: readonly TensorPort[];
}

const RUNTIME = 'mdl-compiler/webgpu';
/** Names of the declarations that are the same for every model, and of the globals that they use. */
const TYPES = [
  ...['Host', 'OnDevice', 'Given', 'Entry', 'TrainBatch', 'ReadonlyMap', 'Promise', 'Pick', 'Omit', 'AsyncGenerator'],
  ...['Float32Array', 'BigInt64Array', 'Int32Array', 'Uint8Array'],
];
const METHODS = ['session', 'generate', 'generateStream', 'trainStep', 'trainedWeights', 'recover', 'dispose'];

export function generateModule(plan: WebGpuPlan, provenance: Provenance): GeneratedModule {
  const name = moduleName(plan.model.source);
  const names = namesOf(plan);
  const header = headerOf(plan, provenance);
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    compilerOptions: { allowJs: true },
    manipulationSettings: { indentationText: '  ' as never, quoteKind: "'" as never },
  });
  const text = (file: SourceFile): string => `${header}${file.getFullText()}`;
  const script = project.createSourceFile(`${name}.js`);
  writeScript(script, names);
  const declarations = project.createSourceFile(`${name}.d.ts`);
  writeDeclarations(declarations, names);
  return {
    name,
    create: names.create,
    files: new Map([
      [`${name}.js`, text(script)],
      [`${name}.d.ts`, text(declarations)],
      // parsed, because in an object literal the key `__proto__` is no key; twice JSON is a string literal
      ['plan.js', `${header}export default JSON.parse(${JSON.stringify(JSON.stringify(plan))});\n`],
    ]),
  };
}

function namesOf(plan: WebGpuPlan): ModelNames {
  const types = new Names([]);
  const methods = new Names(METHODS);
  const entries = ownEntries(plan).map(
    ([entry, ports]): EntryNames => ({
      entry,
      plan: ports,
      method: methods.take(camelCase(entry), 'entry'),
      type: types.take(pascalCase(entry), 'Entry'),
    }),
  );
  const others = entries.flatMap(({ type }) => [`${type}Inputs`, `${type}Outputs`]);
  const model = new Names([...TYPES, ...others]).take(pascalCase(plan.model.name), 'Model');
  return {
    model,
    create: `create${model}`,
    entries,
    generates: generates(plan),
    training: plan.training,
    batch: batchPorts(plan),
  };
}

/** Whether `generate` finds the entries and ports that it drives. */
function generates({ entries }: WebGpuPlan): boolean {
  const has = (entry: string, inputs: readonly string[], outputs: readonly string[]): boolean => {
    const ports = Object.hasOwn(entries, entry) ? entries[entry] : undefined;
    const named = (list: readonly TensorPort[], name: string): boolean => list.some((port) => port.name === name);
    return (
      ports !== undefined &&
      inputs.every((name) => named(ports.inputs, name)) &&
      outputs.every((name) => named(ports.outputs, name))
    );
  };
  return has('embed_tokens', ['input_ids'], ['inputs_embeds']) && has('decode', ['inputs_embeds'], ['logits']);
}

function headerOf({ compiler, model, weights, parameters, training }: WebGpuPlan, { command }: Provenance): string {
  const flags = Object.entries(model.flags).map(([flag, on]) => `${flag}=${on}`);
  const halves = parameters.some(({ storage }) => storage === 'f16');
  const origin = weights ? `${weights.origin}${weights.trained ? '' : ' (untrained)'}` : 'none written';
  const lines = [
    `${model.name} on WebGPU. Written by ${compiler}; do not edit, but write it again:`,
    '',
    `    ${command}`,
    '',
    `source   ${model.source}`,
    `config   ${model.config_name || 'none'}`,
    `flags    ${flags.join(' ') || 'none'}`,
    `weights  ${origin}, ${halves ? 'matrices as f16' : 'f32'}`,
    ...(training ? [`trains   ${training.stage}`] : []),
  ];
  return `/**\n${lines.map((line) => ` * ${commentText(line)}`.trimEnd()).join('\n')}\n */\n`;
}

// --- the module ----------------------------------------------------------------------------------------------------

function writeScript(file: SourceFile, { create, entries, generates: withGenerate, training }: ModelNames): void {
  file.addImportDeclaration({ moduleSpecifier: RUNTIME, namespaceImport: 'webgpu' });
  file.addImportDeclaration({ moduleSpecifier: './plan.js', defaultImport: 'plan' });
  file.addExportDeclaration({ namedExports: ['plan'] });
  file.addFunction({
    name: create,
    isAsync: true,
    isExported: true,
    parameters: [{ name: 'device' }, { name: 'weights' }],
    statements: (writer) => {
      writer.writeLine(
        "const given = device !== undefined && (device instanceof webgpu.Gpu || 'createBuffer' in device);",
      );
      writer.writeLine(
        "const opened = typeof weights === 'string' ? await webgpu.openCheckpoint(locate(weights)) : undefined;",
      );
      writer.writeLine('let session;');
      writer.write('try ').block(() => {
        writer.write('session = await webgpu.openPlan(').inlineBlock(() => {
          writer.writeLine('plan,');
          writer.writeLine('weights: opened ?? weights,');
          writer.writeLine('...(given ? { device } : { acquire: device ?? {} }),');
          writer.writeLine('...(opened ? { close: () => opened.close() } : {}),');
        });
        writer.write(');');
      });
      writer.write('catch (error) ').block(() => {
        writer.writeLine('await opened?.close();');
        writer.writeLine('throw error;');
      });
      if (training) writer.writeLine('const trainer = new webgpu.ModelTrainer(session, plan, opened ?? weights);');
      writer.write('return ').inlineBlock(() => {
        writer.writeLine('session,');
        for (const { entry, method } of entries) {
          writer.writeLine(`${method}: (inputs, options) => session.run(${JSON.stringify(entry)}, inputs, options),`);
        }
        if (withGenerate) {
          writer.writeLine('generate: (input, options) => webgpu.generate(session, input, options),');
          writer.writeLine('generateStream: (input, options) => webgpu.generateStream(session, input, options),');
        }
        if (training) {
          writer.writeLine('trainStep: (batch, options) => trainer.step(batch, options),');
          writer.writeLine('trainedWeights: () => trainer.trained(),');
        }
        writer.writeLine('recover: () => session.recover(),');
        writer.writeLine(
          training
            ? 'dispose: () => trainer.dispose().then(() => session.dispose()),'
            : 'dispose: () => session.dispose(),',
        );
      });
      writer.write(';');
    },
  });
  file.addFunction({
    name: 'locate',
    docs: ['In a page an address may be relative to the page.'],
    parameters: [{ name: 'path' }],
    statements: ['return globalThis.location === undefined ? path : new URL(path, globalThis.location.href).href;'],
  });
}

// --- the declarations ----------------------------------------------------------------------------------------------

function writeDeclarations(file: SourceFile, names: ModelNames): void {
  const { model, create, entries, generates: withGenerate, training, batch } = names;
  file.addImportDeclaration({ moduleSpecifier: RUNTIME, namespaceImport: 'webgpu', isTypeOnly: true });
  writeCommonTypes(file);
  for (const { entry, plan, type } of entries) writePorts(file, entry, plan, type);
  if (training) writeBatch(file, training, batch);
  const property = (name: string, type: string, doc: string): OptionalKind<PropertySignatureStructure> => ({
    name,
    type,
    docs: [`${commentText(doc)}`],
    isReadonly: true,
  });
  file.addInterface({
    name: model,
    isExported: true,
    properties: [
      property('session', 'webgpu.Session', 'Everything the runtime offers: loading ahead, profiles, adapters.'),
      ...entries.map(({ entry, method, type }) =>
        property(method, `Entry<${type}Inputs, ${type}Outputs>`, `The entry \`${entry}\`.`),
      ),
      ...(withGenerate
        ? [
            property(
              'generate',
              '(input: webgpu.GenerateInput, options?: webgpu.GenerateOptions) => Promise<webgpu.GenerateResult>',
              'Continues prompts; the cache stays on the device.',
            ),
            property(
              'generateStream',
              '(input: webgpu.GenerateInput, options?: webgpu.GenerateOptions) => AsyncGenerator<webgpu.TokenEvent, webgpu.GenerateResult>',
              'The same, token by token.',
            ),
          ]
        : []),
      ...(training
        ? [
            property(
              'trainStep',
              `(batch: ${training.accumulate > 1 ? 'readonly TrainBatch[]' : 'TrainBatch'}, options?: webgpu.TrainStepOptions) => Promise<webgpu.TrainStepResult>`,
              `A step of the stage ${training.stage}${training.accumulate > 1 ? ` over ${training.accumulate} micro-batches` : ''}; what it changes stays on the device.`,
            ),
            property(
              'trainedWeights',
              '() => Promise<ReadonlyMap<string, webgpu.HostTensor>>',
              'Copies of what trains, by checkpoint key. The entries go on with the weights that the model was opened with.',
            ),
          ]
        : []),
      property('recover', '() => Promise<void>', 'After the loss of the device: takes a new one and goes on.'),
      property('dispose', '() => Promise<void>', 'Frees everything; a device that was given stays.'),
    ],
  });
  file.addVariableStatement({
    isExported: true,
    hasDeclareKeyword: true,
    declarationKind: VariableDeclarationKind.Const,
    declarations: [{ name: 'plan', type: 'webgpu.WebGpuPlan' }],
    docs: ['Kernels, buffers and steps; the same as plan.json.'],
  });
  file.addFunction({
    name: create,
    hasDeclareKeyword: true,
    isExported: true,
    parameters: [
      { name: 'device', type: "webgpu.WebGpuOptions['device'] | webgpu.AcquireOptions | undefined" },
      { name: 'weights', type: 'webgpu.Weights | string' },
    ],
    returnType: `Promise<${model}>`,
    docs: [
      `Opens the model. Entries load, with their kernels and weights, when they first run.
@param device a GPUDevice of yours, how to ask for one, or undefined: one is asked for
@param weights a safetensors file's path (Node) or address (page), an open checkpoint, or a function that gives tensors
@throws RuntimeError R01xx (weights), R1001 (no adapter), R1002 (an adapter that grants too little)`,
    ],
  });
}

function writeBatch(file: SourceFile, { stage, accumulate }: TrainingPlan, ports: readonly TensorPort[]): void {
  const doc = `What the stage ${stage} learns from: ${accumulate > 1 ? 'a micro-batch' : 'a batch'}.`;
  const properties = ports.map((port) => portProperty(port, `Given<'${port.dtype}'>`));
  file.addInterface({ name: 'TrainBatch', isExported: true, docs: [commentText(doc)], properties });
}

function portProperty(port: TensorPort, type: string, note = ''): OptionalKind<PropertySignatureStructure> {
  return {
    name: propertyName(port.name),
    type,
    isReadonly: true,
    docs: [commentText(`${port.dtype} [${port.shape.join(', ')}]${note}`)],
  };
}

function writePorts(file: SourceFile, entry: string, { inputs, outputs, cache }: EntryPlan, type: string): void {
  const pasts = new Set(cache.map(({ past }) => past));
  file.addInterface({
    name: `${type}Inputs`,
    isExported: true,
    docs: [commentText(`What \`${entry}\` takes.`)],
    properties: inputs.map((port) =>
      pasts.has(port.name)
        ? { ...portProperty(port, `Given<'${port.dtype}'>`, '; absent: empty'), hasQuestionToken: true }
        : portProperty(port, `Given<'${port.dtype}'>`),
    ),
  });
  file.addInterface({
    name: `${type}Outputs`,
    isExported: true,
    docs: [commentText(`What \`${entry}\` gives.`)],
    properties: outputs.map((port) => portProperty(port, `Host['${port.dtype}']`)),
  });
}

function writeCommonTypes(file: SourceFile): void {
  const host = (dtype: string, array: string): string =>
    `{ readonly dtype: '${dtype}'; readonly shape: readonly number[]; readonly data: ${array} }`;
  file.addInterface({
    name: 'Host',
    isExported: true,
    docs: ['Tensors on the host, by dtype; row-major.'],
    properties: [
      { name: 'f32', type: host('f32', 'Float32Array'), isReadonly: true },
      { name: 'i64', type: host('i64', 'BigInt64Array'), isReadonly: true },
      { name: 'bool', type: host('bool', 'Uint8Array'), isReadonly: true },
    ],
  });
  file.addTypeAlias({
    name: 'OnDevice',
    isExported: true,
    docs: ['A tensor that stayed on the device.'],
    typeParameters: ['D'],
    type: 'webgpu.DeviceTensor & { readonly dtype: D }',
  });
  file.addTypeAlias({
    name: 'Given',
    isExported: true,
    docs: ['What an entry takes: a tensor on either side; for i64 also 32-bit integers.'],
    typeParameters: [{ name: 'D', constraint: 'keyof Host' }],
    type: `Host[D] | OnDevice<D> | (D extends 'i64' ? ${host('i32', 'Int32Array')} : never)`,
  });
  file.addInterface({
    name: 'Entry',
    isExported: true,
    docs: ['Runs an entry: all outputs, those of `fetch`, and with `keep` some that stay on the device.'],
    typeParameters: ['I', 'O'],
    callSignatures: [
      {
        parameters: [
          { name: 'inputs', type: 'I' },
          {
            name: 'options',
            type: 'webgpu.RunOptions & { readonly fetch?: never; readonly keep?: never }',
            hasQuestionToken: true,
          },
        ],
        returnType: 'Promise<O>',
      },
      {
        typeParameters: [{ name: 'F', constraint: 'keyof O & string' }],
        parameters: [
          { name: 'inputs', type: 'I' },
          { name: 'options', type: 'webgpu.RunOptions & { readonly fetch: readonly F[]; readonly keep?: never }' },
        ],
        returnType: 'Promise<Pick<O, F>>',
      },
      {
        parameters: [
          { name: 'inputs', type: 'I' },
          {
            name: 'options',
            type: "Omit<webgpu.RunOptions, 'fetch' | 'keep'> & { readonly fetch?: readonly (keyof O)[]; readonly keep: 'all' | readonly (keyof O)[] }",
          },
        ],
        returnType:
          'Promise<{ readonly [N in keyof O]?: O[N] | (O[N] extends { readonly dtype: infer D } ? OnDevice<D> : never) }>',
      },
    ],
  });
}
