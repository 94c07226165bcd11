/**
 * Modules of the standard library that torch has: written as torch's own, whose formulas they have
 * (test/pytorch).
 */

import type { Initializer } from '../../../shared/initializer.ts';
import { STD_PATH } from '../../check/references.ts';
import type { ModuleInstance } from '../../elaborate/instance.ts';
import type { Value } from '../../elaborate/values.ts';
import { bool, float, tuple } from './python.ts';

type Values = ModuleInstance['values'];

/** @throws Error where a layer has another kind of value than the module that it stands for */
function unexpected(name: string, value: Value | undefined): never {
  throw new Error(`a layer of torch has no ${name} that is ${value?.kind ?? 'missing'}`);
}

/** `3`, or `(3, 5)` of a list: sizes of axes. */
function sizes(values: Values, name: string): string {
  const value = values.get(name);
  const int = (one: Value | undefined): string => (one?.kind === 'int' ? String(one.value) : unexpected(name, one));
  return value?.kind === 'list' ? tuple(value.items.map(int)) : int(value);
}

function number(values: Values, name: string): string {
  const value = values.get(name);
  return value?.kind === 'int' || value?.kind === 'float' ? float(value.value) : unexpected(name, value);
}

function withBias(values: Values): string[] {
  const value = values.get('with_bias');
  if (value?.kind !== 'bool') return unexpected('with_bias', value);
  return value.value ? [] : [`bias=${bool(false)}`];
}

/** `name=2` where it is not what torch takes without it. */
function unless(values: Values, name: string, usual: string): string[] {
  const text = sizes(values, name);
  return text === usual ? [] : [`${name}=${text}`];
}

type Writer = (values: Values) => readonly string[];

const batchNorm: Writer = (values) => [
  sizes(values, 'num_features'),
  `eps=${number(values, 'eps')}`,
  `momentum=${values.get('momentum')?.kind === 'none' ? 'None' : number(values, 'momentum')}`,
];

const LAYERS: Readonly<Record<string, Writer>> = {
  Linear: (values) => [sizes(values, 'in_features'), sizes(values, 'out_features'), ...withBias(values)],
  Embedding: (values) => [sizes(values, 'num_embeddings'), sizes(values, 'embedding_dim')],
  LayerNorm: (values) => [sizes(values, 'normalized_shape'), `eps=${number(values, 'eps')}`, ...withBias(values)],
  RMSNorm: (values) => [sizes(values, 'normalized_shape'), `eps=${number(values, 'eps')}`],
  Conv2d: (values) => [
    sizes(values, 'in_channels'),
    sizes(values, 'out_channels'),
    sizes(values, 'kernel'),
    ...unless(values, 'stride', '1'),
    ...unless(values, 'padding', '0'),
    ...unless(values, 'dilation', '1'),
    ...unless(values, 'groups', '1'),
    ...withBias(values),
  ],
  BatchNorm1d: batchNorm,
  BatchNorm2d: batchNorm,
};

/** `nn.Linear(64, 128)`; undefined for a module that torch does not have, or that an adapter wraps. */
export function torchLayer({ declaration, values, adapter }: ModuleInstance): string | undefined {
  const name = declaration.name.text;
  if (adapter || declaration.span.source.path !== STD_PATH || !Object.hasOwn(LAYERS, name)) return undefined;
  return `nn.${name}(${LAYERS[name]!(values).join(', ')})`;
}

/** The initial values of a parameter, as torch.nn.init makes them. */
export function initialValues(initializer: Initializer, shape: readonly number[], dtype: string): string {
  const sizes = shape.join(', ') || '()';
  const typed = dtype === 'f32' ? '' : `, dtype=torch.${dtype === 'i64' ? 'int64' : 'bool'}`;
  const empty = `torch.empty(${sizes})`;
  switch (initializer.kind) {
    case 'zeros':
      return `torch.zeros(${sizes}${typed})`;
    case 'ones':
      return `torch.ones(${sizes}${typed})`;
    case 'constant':
      return `torch.full((${shape.join(', ')}${shape.length === 1 ? ',' : ''}), ${float(initializer.value)})`;
    case 'normal':
      return `nn.init.normal_(${empty}, ${float(initializer.mean)}, ${float(initializer.std)})`;
    case 'truncated_normal': {
      const { mean, std, a, b } = initializer;
      return `nn.init.trunc_normal_(${empty}, ${[mean, std, a, b].map(float).join(', ')})`;
    }
    case 'uniform':
      return `nn.init.uniform_(${empty}, ${float(initializer.low)}, ${float(initializer.high)})`;
    case 'kaiming_uniform':
      return `nn.init.kaiming_uniform_(${empty}, a=${float(initializer.a)})`;
    case 'xavier_uniform':
      return `nn.init.xavier_uniform_(${empty}, gain=${float(initializer.gain)})`;
    case 'arange': {
      const count = shape.reduce((product, dim) => product * dim, 1);
      return `torch.arange(${count}${typed}).reshape(${sizes})${dtype === 'f32' ? '.float()' : ''}`;
    }
  }
}
