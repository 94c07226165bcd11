/** Diagnostics while someone types: in all files of the program, and only what an edit can change is done again. */
import { describe, expect, it } from 'vitest';
import { Analyser } from '../../src/compiler/lsp/analysis.ts';
import { ParseCache } from '../../src/compiler/lsp/parse-cache.ts';
import { compile, repository } from '../support/project.ts';
import { connect, uriOf } from './client.ts';

const LIB = 'module Twice(width) {\n  forward(x: [B, width]) -> [B, width] { x + x }\n}\n';
const NET = `import { Twice } from "./lib.mdl"

config c { width = 4 }

model Net {
  twice = Twice(width)

  entry run(x: [B, width]) -> (y: [B, width]) { twice(x) }
}
`;

describe('diagnostics', () => {
  it('come and go with edits, with codes, both places and notes', async () => {
    const { client } = connect({ 'lib.mdl': LIB });
    await client.initialize();
    await client.open('net.mdl', NET);
    expect(await client.diagnostics('net.mdl')).toEqual([]);
    await client.edit('net.mdl', 'x: [B, width]', 'x: [B, 7]');
    const [shape, ...more] = await client.diagnostics('net.mdl');
    expect(more).toEqual([]);
    expect(shape).toMatchObject({
      code: 'E0303',
      severity: 1,
      source: 'mdl',
      range: { start: { line: 7, character: 50 } },
    });
    expect(shape!.relatedInformation!.map(({ location }) => location.uri)).toContain(uriOf('lib.mdl'));
    await client.edit('net.mdl', 'x: [B, 7]', 'x: [B, width]');
    expect(await client.diagnostics('net.mdl')).toEqual([]);
    await client.stop();
  });

  it('are those of other files too, and are taken back when the program is closed', async () => {
    const { client } = connect({ 'lib.mdl': LIB.replace('x + x', 'x + y') });
    await client.initialize();
    await client.open('net.mdl', NET);
    await client.diagnostics('net.mdl');
    expect(client.published.get(uriOf('lib.mdl'))!.map(({ code }) => code)).toEqual(['E0105']);
    await client.open('lib.mdl', LIB);
    expect(await client.diagnostics('lib.mdl')).toEqual([]);
    await client.edit('lib.mdl', 'x + x', 'x +');
    expect((await client.diagnostics('lib.mdl')).map(({ code }) => code)).toEqual(['E0005']);
    await client.close('net.mdl');
    await client.close('lib.mdl');
    await client.open('other.mdl', LIB);
    await client.diagnostics('other.mdl');
    expect([...client.published].map(([uri, found]) => [uri, found.length])).toEqual([
      [uriOf('net.mdl'), 0],
      [uriOf('lib.mdl'), 0],
      [uriOf('other.mdl'), 0],
    ]);
    await client.stop();
  });

  it('go on after a defect of ours, which is logged', async () => {
    const { client, server } = connect({ 'lib.mdl': LIB });
    const logged: string[] = [];
    client.connection.onNotification('window/logMessage', ({ message }: { message: string }) => {
      logged.push(message);
    });
    await client.initialize();
    const { refresh } = server.session;
    server.session.refresh = () => {
      server.session.refresh = refresh;
      throw new Error('planted');
    };
    await client.open('lib.mdl', LIB.replace('x + x', 'x + y'));
    await expect.poll(() => logged.join('\n')).toMatch(/internal error[\s\S]*planted/);
    await client.edit('lib.mdl', 'x + y', 'x + z');
    expect((await client.diagnostics('lib.mdl')).map(({ message }) => message)).toEqual(['z is not declared here']);
    await client.stop();
  });

  it('of a file of modules alone are those of its names', async () => {
    const { client } = connect();
    await client.initialize();
    await client.open('lib.mdl', LIB);
    expect(await client.diagnostics('lib.mdl')).toEqual([]);
    await client.edit('lib.mdl', 'x + x', 'x + z');
    expect((await client.diagnostics('lib.mdl')).map(({ code }) => code)).toEqual(['E0105']);
    await client.stop();
  });
});

/** TinyGPT-V in memory, with edits. */
function tinyGptV() {
  const texts = new Map<string, string>();
  const host = {
    read: (path: string): string | undefined => {
      if (!texts.has(path)) {
        const text = repository.read(path);
        if (text === undefined) return undefined;
        texts.set(path, text);
      }
      return texts.get(path);
    },
  };
  const parses = new ParseCache();
  const analyser = new Analyser(host, 'models/tinygpt-v.mdl', parses);
  const edit = (path: string, find: string, to: string): void => {
    const text = texts.get(path)!;
    if (!text.includes(find)) throw new Error(`${path} has no ${find}`);
    texts.set(path, text.replace(find, to));
  };
  return { analyser, host, parses, edit };
}

const MODEL = 'models/tinygpt-v.mdl';
const PHI = 'models/phi-2.mdl';

describe('what an edit costs', () => {
  it('only its file is parsed, and only entries that are made of it are traced', () => {
    const { analyser, parses, edit } = tinyGptV();
    const settings = { config: 'nano' };
    const cost = (): { parsed: number; traced: number } => {
      const [parsed, traced] = [parses.count, analyser.traces];
      expect(analyser.analyse(settings).diagnostics).toEqual([]);
      return { parsed: parses.count - parsed, traced: analyser.traces - traced };
    };
    expect(cost()).toEqual({ parsed: 5, traced: 4 });
    expect(cost()).toEqual({ parsed: 0, traced: 0 });
    edit(MODEL, '/// low-rank', '// a comment above everything\n/// low-rank');
    expect(cost()).toEqual({ parsed: 1, traced: 0 });
    edit(MODEL, 'let d = phi.hidden_size', 'let d = phi.hidden_size + 0');
    expect(cost()).toEqual({ parsed: 1, traced: 1 }); // loss
    edit(PHI, 'let h = input_layernorm(x)', 'let h = input_layernorm(x + 0.0)');
    expect(cost()).toEqual({ parsed: 1, traced: 3 }); // embed_tokens, decode, loss
    edit('models/q-former.mdl', 'module', '// of the Q-Former\nmodule');
    expect(cost()).toEqual({ parsed: 1, traced: 0 });
    edit(MODEL, 'warmup_lr = 1e-6', 'warmup_lr = 2e-6');
    expect(cost()).toEqual({ parsed: 1, traced: 0 });
    edit(MODEL, 'hidden_size = 128, num_layers = 4', 'hidden_size = 256, num_layers = 4');
    expect(cost()).toEqual({ parsed: 1, traced: 4 });
  });

  it('what is not traced again is what a new analysis finds, where it is now', () => {
    const { analyser, host, edit } = tinyGptV();
    analyser.analyse({ config: 'nano' });
    edit(PHI, 'x + post_layernorm(', 'x[0] @ x + post_layernorm(');
    edit(MODEL, 'let text = llama_model', 'let text = 1 / 0 + llama_model');
    const before = analyser.analyse({ config: 'nano' }).diagnostics;
    expect(before.length).toBeGreaterThan(1);
    const traces = analyser.traces;
    edit(MODEL, '/// low-rank', '// one\n// two\n/// low-rank');
    edit(PHI, '/// "input norm"', '// one\n/// "input norm"');
    const moved = analyser.analyse({ config: 'nano' }).diagnostics;
    expect(analyser.traces).toBe(traces);
    const fresh = new Analyser(host, MODEL);
    const places = (all: typeof moved) =>
      all.map(({ code, message, primary, secondary, notes }) => ({
        code,
        message,
        notes,
        at: [primary, ...secondary].map(({ span }) => `${span.source.path} ${span.start} ${span.end}`),
      }));
    expect(places(moved)).toEqual(places(fresh.analyse({ config: 'nano' }).diagnostics));
  });

  it('an analysis finds what a compilation finds', () => {
    const { analyser } = tinyGptV();
    const { model, diagnostics } = analyser.analyse({});
    const compiled = compile(MODEL, repository);
    expect(diagnostics).toEqual(compiled.diagnostics);
    expect([...model!.parameters.keys()]).toEqual([...compiled.model!.parameters.keys()]);
  });
});
