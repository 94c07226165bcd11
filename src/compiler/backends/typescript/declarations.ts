/** The declarations of a generated module: a type for every entry's inputs and outputs, and for what a stage trains. */
import { type OptionalKind, type PropertySignatureStructure, type SourceFile, VariableDeclarationKind } from 'ts-morph';
import type { TensorPort } from '../../../shared/artifact.ts';
import type { TrainingPlan } from '../../../shared/training.ts';
import { type EntryPlan, ownOutputs } from '../../../shared/webgpu.ts';
import { type ModelNames, RUNTIME } from './model-names.ts';
import { commentText, propertyName } from './names.ts';

export function writeDeclarations(file: SourceFile, names: ModelNames): void {
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
            property(
              'trainingState',
              '() => Promise<webgpu.TrainState>',
              'A copy of all that training has changed, optimiser and loss scale included: Maps and typed arrays, which a browser can store.',
            ),
            property(
              'resumeTraining',
              '(state: webgpu.TrainState) => Promise<void>',
              'Goes on from such a copy, as if nothing had come between: another day, or after the loss of the device.',
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

function writePorts(file: SourceFile, entry: string, plan: EntryPlan, type: string): void {
  const { inputs, cache } = plan;
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
    properties: ownOutputs(plan).map((port) => portProperty(port, `Host['${port.dtype}']`)),
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
