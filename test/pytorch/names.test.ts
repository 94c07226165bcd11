/** The names of Python that src/compiler/backends/pytorch/reserved.ts lists, against the Python that runs the tests. */
import { expect, it } from 'vitest';
import { BUILTINS, KEYWORDS } from '../../src/compiler/backends/pytorch/reserved.ts';
import { describeTorch, runPython } from './support.ts';

describeTorch('names of Python', () => {
  it.each([
    ['builtins', 'import builtins; print(*dir(builtins))'],
    ['keywords', 'import keyword; print(*keyword.kwlist, *keyword.softkwlist)'],
  ])('has all %s', (_, code) => {
    const names = runPython('-c', code).trim().split(/\s+/);
    expect(names.length).toBeGreaterThan(30);
    // `_` is a word of patterns alone, and binding it hides nothing
    expect(names.filter((name) => name !== '_' && !BUILTINS.has(name) && !KEYWORDS.has(name))).toEqual([]);
  });
});
