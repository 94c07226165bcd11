/** Configs: chains of extends, derived fields, overriding from the command line and from JSON, flags beside records. */
import { describe, expect, it } from 'vitest';
import { problems, program } from './support.ts';

const FILE = `
flag lora = true
flag deep = false

config base {
  hidden = 8
  intermediate = 4 * hidden
  scale = 0.5
  name = "base"
  shape = [1, 2]
  layers = 12 when deep else 2
  lora { r = 4, alpha = 2 * r }
  mlp { width = intermediate + 1, half = lora.r / 2 }
}
config wide extends base { hidden = 16 }
config wider extends wide { lora { r = 8 }  name = "wider" }
config own extends base { intermediate = 7  mlp { width = 3 } }
config plain extends wide { lora = false }

model M {
  let r = lora.r
  param weight: [hidden, r] = zeros() when lora
  param inner: [mlp.width] = zeros()
}`;

describe('extends', () => {
  it('the first config is the default', () => {
    const model = program(FILE);
    expect(model.settings.configName).toBe('base');
    expect(model.config()).toEqual({
      hidden: 8,
      intermediate: 32,
      scale: 0.5,
      name: 'base',
      shape: [1, 2],
      layers: 2,
      lora: { r: 4, alpha: 8 },
      mlp: { width: 33, half: 2 },
    });
  });

  it('derived fields follow what a config overrides, across records', () => {
    expect(program(FILE, { config: 'wide' }).config()).toMatchObject({
      hidden: 16,
      intermediate: 64,
      mlp: { width: 65 },
    });
  });

  it('chains, and overrides single fields of a record', () => {
    const config = program(FILE, { config: 'wider' }).config();
    expect(config).toMatchObject({ hidden: 16, name: 'wider', lora: { r: 8, alpha: 16 }, mlp: { half: 4 } });
  });

  it('a derived field may be overridden by a number, also where it looks outside of its record', () => {
    expect(program(FILE, { config: 'own' }).config()).toMatchObject({ intermediate: 7, mlp: { width: 3 } });
  });

  it('a config may set a flag that shares its name with a record', () => {
    const model = program(FILE, { config: 'plain' });
    expect(model.settings.flags.get('lora')).toBe(false);
    expect(model.settings.changedFlags).toEqual(['lora']);
    expect([...model.parameters.keys()]).toEqual(['inner']);
    expect(model.config().lora).toEqual({ r: 4, alpha: 8 });
  });
});

describe('from outside', () => {
  const set = (...settings: string[]) =>
    settings.map((text) => ({ name: text.split('=')[0]!, text: text.split('=')[1]! }));

  it('--set changes fields, fields of records and flags', () => {
    const model = program(FILE, {
      set: set('hidden=6', 'lora.r=2', 'lora=false', 'name=x y', 'shape=[3]', 'deep=true'),
    });
    expect(model.config()).toMatchObject({
      hidden: 6,
      intermediate: 24,
      name: 'x y',
      shape: [3],
      layers: 12,
      lora: { r: 2, alpha: 4 },
    });
    expect([...model.settings.flags]).toEqual([
      ['lora', false],
      ['deep', true],
    ]);
  });

  it('an int is good enough for a float, a float is not for an int', () => {
    expect(program(FILE, { set: set('scale=2') }).config().scale).toBe(2);
    expect(problems(FILE, { set: set('hidden=2.5') })).toEqual(['E0223 hidden is an int and cannot be set to 2.5']);
  });

  it('JSON sets records field by field; --set comes after it', () => {
    const values = { hidden: 4, lora: { r: 3 }, mlp: { width: 9 } };
    const model = program(FILE, { config: 'wider', values, set: set('lora.r=5') });
    expect(model.config()).toMatchObject({ hidden: 4, lora: { r: 5, alpha: 10 }, mlp: { width: 9 }, name: 'wider' });
    expect(program(FILE, { values: { lora: false } }).settings.flags.get('lora')).toBe(false);
  });

  it.each<[string, string]>([
    ['hiden=4', 'E0220 there is no flag or config value hiden'],
    ['lora.rank=4', 'E0220 there is no flag or config value lora.rank'],
    ['hidden=true', 'E0223 hidden is an int and cannot be set to true'],
    ['lora=3', 'E0223 lora is a record and cannot be set to 3'],
    ['deep=1', 'E0223 deep is a flag (true or false) and cannot be set to 1'],
    ['name=3', 'E0223 name is a string and cannot be set to 3'],
    ['__proto__=3', 'E0220 there is no flag or config value __proto__'],
  ])('--set %s: %s', (text, problem) => {
    expect(problems(FILE, { set: set(text) })).toEqual([problem]);
  });

  it('an unknown config is an error', () => {
    expect(problems(FILE, { config: 'wde' })).toEqual(['E0221 there is no config wde']);
  });
});

describe('the schema', () => {
  it('a config that extends another adds no fields', () => {
    expect(problems('config a { x = 1 }\nconfig b extends a { y = 2 }\nmodel M { }', { config: 'b' })).toEqual([
      'E0220 there is no flag or config value y',
    ]);
  });

  it('and keeps their types', () => {
    expect(problems('config a { x = 1 }\nconfig b extends a { x = "no" }\nmodel M { }', { config: 'b' })).toEqual([
      'E0223 x is an int and cannot be set to the string "no"',
    ]);
    expect(
      problems('config a { x { y = 1 } }\nconfig b extends a { x = 2 }\nmodel M { }', { config: 'b' }),
    ).toHaveLength(1);
  });

  it('configs do not extend each other in a circle', () => {
    expect(problems('config a extends b { }\nconfig b extends a { }\nmodel M { }', { config: 'a' })).toEqual([
      'E0222 configs extend each other: a → b → a',
    ]);
  });

  it('fields do not depend on each other in a circle', () => {
    expect(problems('config a { x = y, y = x }\nmodel M { param w: [x] = zeros() }')).not.toEqual([]);
  });
});
