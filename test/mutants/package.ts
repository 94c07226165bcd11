/** What users install, and where models and weights come from. */
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'a server that answers a range request with the whole file is refused',
    file: 'src/runtime/weights/source.browser.ts',
    find: '  if (probe.status === 200) return blobSource(await wholeOf(probe, url, largestWhole), url);\n',
    replace: '',
    test: 'test/runtime/weights/checkpoint-files.test.ts',
    fails: 'a server without range requests > that sends the whole file to every request',
  },
  {
    fault: 'a server that forgets ranges after the first request ends a long load',
    file: 'src/runtime/weights/source.browser.ts',
    find: '      if (answer.status === 200) {',
    replace: '      if (answer.status === 299) {',
    test: 'test/runtime/weights/checkpoint-files.test.ts',
    fails: 'a server without range requests > behind a cache that forgets ranges after the first',
  },
  {
    fault: 'a model in memory does not load in Node: its weights are never read',
    file: 'src/runtime/backend.onnx.node.ts',
    find: '{ ...settings, externalData }',
    replace: 'settings',
    test: 'test/runtime/session.test.ts',
    fails: 'a model that lies in memory > runs with its external weights, which its `read` gives',
  },
  {
    fault: 'onnxruntime-node that is not installed is an internal error',
    file: 'src/runtime/backend.onnx.node.ts',
    find: "throw runtimeError(\n      'library_missing',\n      {",
    replace: 'throw Object.assign(\n      new Error(),\n      {',
    test: 'test/runtime/no-backend.test.ts',
    fails: 'names the package and the command that installs it, in Node',
  },
  {
    fault:
      'the files of a model that runs on ONNX Runtime stay in the folder for temporary files, a model for each command',
    file: 'src/compiler/workbench/session.ts',
    find: 'const remove = () => rm(folder, { recursive: true, force: true });',
    replace: 'const remove = async () => void rm;',
    test: 'test/cli/temporary-files.test.ts',
    fails: 'a run',
  },
];
