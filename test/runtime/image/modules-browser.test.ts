/** The decoders of a page, in Node: what is said before they are loaded, and where a page forbids WebAssembly. */
import { afterEach, expect, it, vi } from 'vitest';
import { loadModules, moduleOf } from '../../../src/runtime/image/codecs/modules.browser.ts';
import { provokes } from '../support.ts';

afterEach(() => vi.unstubAllGlobals());

it('R0408: a picture before its decoder', async () => {
  expect(await provokes('R0408', () => moduleOf('WebP'))).toContain('await loadImageDecoders()');
});

it('R0409: a Content-Security-Policy that forbids WebAssembly', async () => {
  vi.stubGlobal('WebAssembly', { compile: () => Promise.reject(new Error('violates the policy')) });
  expect(await provokes('R0409', () => loadModules(['JPEG']))).toContain('violates the policy');
});
