/** Settings that do not fit: which line is shown, and what is said of flags and fields that share a name. */
import { describe, expect, it } from 'vitest';
import { keysOfJson } from '../../src/compiler/elaborate/json-places.ts';
import { diagnose, summary } from './support.ts';

const MODEL = 'model M { entry run(x: [B]) -> (y: [B]) { x } }\n';

describe('a flag with the name of a config field', () => {
  it('is an error where the field is, and the flag can still be set in a config that extends it', () => {
    const text = `flag bias = true\nconfig base { bias = 8 }\nconfig small extends base { bias = false }\n${MODEL}`;
    expect(summary(diagnose(text, { config: 'small' }))).toBe(
      [
        'E0223 2:15 bias is a flag (true or false) and cannot be set to the int 8',
        '  @ 1:6 the flag is declared here',
        '  note: a config gives a flag `true` or `false`; a value of another kind needs another name',
      ].join('\n'),
    );
  });

  it('is a value of another kind from outside too', () => {
    const set = [{ name: 'bias', text: '8' }];
    expect(diagnose(`flag bias = true\n${MODEL}`, { set })[0]?.message).toBe(
      'bias is a flag (true or false) and cannot be set to 8',
    );
  });
});

describe('settings that a program gives', () => {
  const text = `flag bias = true\nconfig base { width = 8 }\n${MODEL}`;

  it('are texts or names with texts', () => {
    expect(diagnose(text, { set: ['bias=false', 'width=4', { name: 'width', text: '2' }] })).toEqual([]);
    expect(diagnose(text, { set: ['widht=4'] })[0]?.message).toBe('there is no flag or config value widht');
  });

  it.each<[unknown, string]>([
    ['width', '"width"'],
    ['=4', '"=4"'],
    [{ name: 'width', value: 4 }, '{"name":"width","value":4}'],
    [{ width: 4 }, '{"width":4}'],
    [undefined, 'undefined'],
  ])('E0253 for %j', (one, given) => {
    const [only, ...more] = diagnose(text, { set: [one as string] });
    expect(more).toEqual([]);
    expect(only).toMatchObject({
      code: 'E0253',
      message: `${given} is no setting: a text "name=value" was expected, or its name and text`,
    });
  });
});

describe('a flag with the name of a field of a record', () => {
  const config = (fields: string): string => `flag bias = true\nconfig base { inner { bias = 8  ${fields} } }\n`;

  it('is an error where the name alone could mean either', () => {
    const [only, ...more] = diagnose(config('size = bias') + MODEL);
    expect(more).toEqual([]);
    expect(only?.message).toBe('bias is a flag and a field of the config record inner, and could mean either here');
    expect(only?.notes).toEqual(['the field is `inner.bias`; for the flag, give one of the two another name']);
  });

  it.each([
    ['the field with its record', 'size = inner.bias'],
    ['a variable of that name', 'sizes = [bias for bias in range(3)]'],
    ['the flag in another record', 'more { on = bias }'],
    ['neither', 'size = 3'],
  ])('%s is clear', (_, fields) => {
    const uses =
      'model M { let size = inner.bias + 1  entry run(x: [B]) -> (y: [B]) { if bias { x } else { x + size } } }\n';
    expect(diagnose(config(fields) + uses)).toEqual([]);
  });
});

describe('a value of a JSON config', () => {
  const under = (valuesText: string): string => {
    const text = `config c { first { size = 1 }  second { size = 1  name = "" } }\n${MODEL}`;
    const values = JSON.parse(valuesText) as { [name: string]: unknown };
    const [only] = diagnose(text, { values, valuesText, valuesOrigin: 'c.json' });
    const { source, start, end } = only!.primary.span;
    return `${source.path} ${source.text.slice(0, start).split('\n').length} ${source.text.slice(start, end)}`;
  };

  it.each([
    ['the second key of a name', '{\n"first": { "size": 2 },\n"second": { "size": "big" }\n}', 'c.json 3 "size"'],
    [
      'a key after a string that looks like it',
      '{\n"second": { "name": "size\\":",\n"size": true }\n}',
      'c.json 3 "size"',
    ],
    ['a key given twice', '{\n"first": { "size": 1,\n"size": "big" }\n}', 'c.json 3 "size"'],
    ['a key below others of its name', '{\n"second": { "size": 1 },\n"size": 3\n}', 'c.json 3 "size"'],
  ])('%s is underlined', (_, text, expected) => expect(under(text)).toBe(expected));

  it('has the places of keys, and none within lists', () => {
    const text = '{"a": [{"b": 1}, "a"], "c": {"a": {"b": 2}}, "d": "{\\"e\\": 1}"}';
    expect([...keysOfJson(text)].map(([path, { start, end }]) => `${path} ${text.slice(start, end)}`)).toEqual([
      'a "a"',
      'c "c"',
      'c.a "a"',
      'c.a.b "b"',
      'd "d"',
    ]);
  });
});
