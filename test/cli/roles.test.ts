/** A model whose entries have other names than their roles does what its twin does, on every target. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readLog } from '../../src/compiler/workbench/training/log.ts';
import { isStep, type LogRecord } from '../../src/runtime/train/index.ts';
import { readTensors } from '../support/reference.ts';
import { folderWith, mdl } from './support.ts';
import { WITH_PORTS, withNames } from './twin.ts';

/** as long as those that they replace, so that files with places in them are equal too */
const NAMES = { loss: 'goal', embed_tokens: 'token_vector', decode: 'onward' };
const MODEL = ['gpt.mdl', '--config', 'bytes'];
const TRAINED = [...MODEL, '--weights', 'run/model.safetensors'];
const PROMPT = ['--prompt', 'the dog', '--max-new-tokens', '12'];

const words = 'the quick brown fox jumps over the lazy dog, and the dog sleeps on. '.repeat(80);
const own = folderWith({ 'gpt.mdl': withNames({}), 'words.txt': words });
const twin = folderWith({ 'gpt.mdl': withNames(NAMES), 'words.txt': words });
const ported = folderWith({ 'gpt.mdl': WITH_PORTS, 'words.txt': words });

async function said(folder: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await mdl(folder, ...args);
  expect(code, stderr).toBe(0);
  return stdout;
}

/** What both say. */
async function both(...args: readonly string[]): Promise<readonly [own: string, twin: string]> {
  return [await said(own, ...args), await said(twin, ...args)];
}

const steps = (folder: string) =>
  (readLog(join(folder, 'run', 'log.jsonl')) as LogRecord[])
    .filter(isStep)
    .map(({ loss, grad_norm, metrics }) => ({ loss, grad_norm, metrics }));

const read = (folder: string, ...path: readonly string[]): string => readFileSync(join(folder, ...path), 'utf8');

beforeAll(async () => {
  const data = ['--data', 'words.txt', '--batch-size', '2', '--val-split', '0.2', '--val-every', '2'];
  const train = ['train', ...MODEL, '--init', '3', ...data, '--steps', '4', '--out', 'run'];
  await both(...train);
  await said(ported, ...train);
});

describe('a twin with names of its own', () => {
  it('has none of the roles as a name', () => {
    const text = read(twin, 'gpt.mdl');
    expect(text).toContain('recipe "text" { loss = goal, embed_tokens = token_vector, decode = onward,');
    expect(text).not.toMatch(/entry (loss|embed_tokens|decode)\b/);
  });

  it('trains and is judged with the same numbers', () => {
    expect(steps(own)).toHaveLength(4);
    expect(steps(twin)).toEqual(steps(own));
    const [found, expected] = [twin, own].map((folder) => readTensors(join(folder, 'run', 'model.safetensors')));
    expect(found).toEqual(expected);
  });

  it('is evaluated', async () => {
    const [expected, found] = await both('--json', 'evaluate', ...TRAINED, '--data', 'words.txt', '--count', '16');
    expect(JSON.parse(expected)).toMatchObject({ report: { rows: 16 } });
    expect(found).toBe(expected);
  });

  it('generates', async () => {
    const [expected, found] = await both('generate', ...TRAINED, ...PROMPT);
    expect(expected.length).toBeGreaterThan(3);
    expect(found).toBe(expected);
  });

  it('is the same folder for other programs, and generates from it by the roles of its manifest', async () => {
    await both('compile', ...TRAINED, '--out', 'compiled');
    const [expected, found] = [own, twin].map((folder) => readFileSync(join(folder, 'compiled', 'onnx', 'model.onnx')));
    expect(found!.equals(expected!)).toBe(true);
    expect(JSON.parse(read(own, 'compiled', 'manifest.json')).model).not.toHaveProperty('roles');
    expect(JSON.parse(read(twin, 'compiled', 'manifest.json')).model.roles).toEqual(NAMES);
    expect(await said(twin, 'generate', 'compiled', ...PROMPT)).toBe(
      await said(own, 'generate', ...TRAINED, ...PROMPT),
    );
  });

  it('has no file of a tokenizer where bytes are tokens, though a folder is called so', async () => {
    await said(own, 'compile', ...TRAINED, '--out', 'bytes');
    await said(own, 'compile', ...TRAINED, '--out', 'again');
    expect(readdirSync(join(own, 'again'))).not.toContain('tokenizer.json');
  });

  it('is a module of TypeScript that generates', async () => {
    await both('compile', ...TRAINED, '--target', 'webgpu', '--out', 'pages');
    const generates = (folder: string) => /readonly generate: .*;/.exec(read(folder, 'pages', 'gpt.d.ts'))?.[0];
    expect(generates(twin)).toBe(generates(own));
    expect(generates(twin)).toContain('GenerateResult');
  });
});

describe('a twin whose ports have names of their own', () => {
  const losses = (folder: string) => steps(folder).map(({ loss, grad_norm }) => ({ loss, grad_norm }));

  it('trains with the same numbers, and logs the other scalar', () => {
    expect(losses(ported)).toEqual(losses(own));
    expect(steps(ported).map(({ metrics }) => Object.keys(metrics ?? {}))).toEqual(
      Array(4).fill(['peak', 'perplexity', 'bits_per_byte']),
    );
    const [found, expected] = [ported, own].map((folder) => readTensors(join(folder, 'run', 'model.safetensors')));
    expect(found).toEqual(expected);
  });

  it('is evaluated by its loss', async () => {
    const evaluate = ['--json', 'evaluate', ...TRAINED, '--data', 'words.txt', '--count', '16'];
    const [expected, found] = [await said(own, ...evaluate), await said(ported, ...evaluate)].map(
      (text) => JSON.parse(text).report,
    );
    const { peak, ...rest } = found;
    expect(peak).toBeGreaterThan(0);
    expect(rest).toEqual(expected);
  });

  it('generates, compiled or not, by the ports of its manifest', async () => {
    const expected = await said(own, 'generate', ...TRAINED, ...PROMPT);
    expect(await said(ported, 'generate', ...TRAINED, ...PROMPT)).toBe(expected);
    await said(ported, 'compile', ...TRAINED, '--out', 'compiled');
    expect(JSON.parse(read(ported, 'compiled', 'manifest.json')).model.ports).toEqual({
      loss: { loss: 'total' },
      embed_tokens: { input_ids: 'ids', inputs_embeds: 'rows' },
      decode: { inputs_embeds: 'states', logits: 'scores' },
    });
    expect(await said(ported, 'generate', 'compiled', ...PROMPT)).toBe(expected);
  });

  it('is a module of TypeScript that generates', async () => {
    await said(ported, 'compile', ...TRAINED, '--target', 'webgpu', '--out', 'pages');
    expect(read(ported, 'pages', 'gpt.d.ts')).toContain('readonly generate: ');
  });
});
