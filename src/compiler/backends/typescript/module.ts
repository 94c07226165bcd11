/**
 * A plan → the module that a program imports: `create<Model>(device, weights)` with a typed method per entry.
 *
 * An ES module and its declarations, so that pages and Node need no build step. It is thin: all work is the runtime's
 * (`mdl-compiler/webgpu`, nothing else is imported). Both files are made of ts-morph's structures, which print names and
 * types; names from the model pass through names.ts, all other text through JSON.stringify or commentText.
 */
import { Project, type SourceFile } from 'ts-morph';
import { isQuantised } from '../../../shared/quantisation.ts';
import type { WebGpuPlan } from '../../../shared/webgpu.ts';
import { writeDeclarations } from './declarations.ts';
import { type ModelNames, namesOf, RUNTIME } from './model-names.ts';
import { commentText, moduleName } from './names.ts';

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

function headerOf({ compiler, model, weights, parameters, training }: WebGpuPlan, { command }: Provenance): string {
  const flags = Object.entries(model.flags).map(([flag, on]) => `${flag}=${on}`);
  const storages = new Set(parameters.map(({ storage }) => (isQuantised(storage) ? `int${storage.bits}` : storage)));
  const packed = ['int4', 'int8', 'f16'].filter((storage) => (storages as ReadonlySet<string>).has(storage));
  const origin = weights ? `${weights.origin}${weights.trained ? '' : ' (untrained)'}` : 'none written';
  const lines = [
    `${model.name} on WebGPU. Written by ${compiler}; do not edit, but write it again:`,
    '',
    `    ${command}`,
    '',
    `source   ${model.source}`,
    `config   ${model.config_name || 'none'}`,
    `flags    ${flags.join(' ') || 'none'}`,
    `weights  ${origin}, ${packed.length > 0 ? `matrices as ${packed.join(' and ')}` : 'f32'}`,
    ...(training ? [`trains   ${training.stage}`] : []),
  ];
  return `/**\n${lines.map((line) => ` * ${commentText(line)}`.trimEnd()).join('\n')}\n */\n`;
}

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
          writer.writeLine('trainingState: () => trainer.save(),');
          writer.writeLine('resumeTraining: (state) => trainer.resume(state),');
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
