/** The backends are packages of their own: what a session says where one is not installed. */
import { beforeAll, expect, it, vi } from 'vitest';
import { onnxBackend as onnxWeb } from '../../src/runtime/backend.onnx.browser.ts';
import { openModel, openSession } from '../../src/runtime/index.ts';
import { Session } from '../../src/runtime/session.ts';
import { folderWith } from '../support/folder.ts';
import { writeTinyModel } from './support.onnx.ts';
import { provokes } from './support.ts';

vi.mock('onnxruntime-node', () => {
  throw new Error("Cannot find package 'onnxruntime-node'");
});
vi.mock('onnxruntime-web', () => {
  throw new Error("Cannot find package 'onnxruntime-web'");
});

let directory: string;
beforeAll(async () => {
  directory = folderWith();
  await writeTinyModel(directory);
});

it('names the package and the command that installs it, in Node', async () => {
  const message = await provokes('R0235', async () => (await openSession(directory)).load('scale'));
  expect(message).toContain('npm install onnxruntime-node');
});

it('and in a page', async () => {
  const source = await openModel(directory);
  const session = Session.open(source.manifest, { backend: onnxWeb(source) });
  const message = await provokes('R0235', () => session.load('scale'));
  expect(message).toContain('npm install onnxruntime-web');
});
