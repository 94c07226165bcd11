/**
 * Modules of the standard library that torch has: written as torch's own, whose formulas they have
 * (test/pytorch).
 */

import type { Initializer } from '../../../shared/initializer.ts';
import { STD_PATH } from '../../check/references.ts';
import type { ModuleInstance } from '../../elaborate/instance.ts';
import { bool, float } from './python.ts';

type Values = ReadonlyMap<string, ReturnType<ModuleInstance['values']['get']>>;

const int = (values: Values, name: string): string => {
  const value = values.get(name);
  return value?.kind === 'int' ? String(value.value) : '0';
};

const number = (values: Values, name: string): string | undefined => {
  const value = values.get(name);
  return value?.kind === 'int' || value?.kind === 'float' ? float(value.value) : undefined;
};

const withBias = (values: Values): string[] => {
  const value = values.get('with_bias');
  return value?.kind === 'bool' && !value.value ? [`bias=${bool(false)}`] : [];
};

/** `name=2` where it is not what torch takes without it. */
const unless = (values: Values, name: string, usual: string): string[] =>
  int(values, name) === usual ? [] : [`${name}=${int(values, name)}`];

type Writer = (values: Values) => readonly string[];

const batchNorm: Writer = (values) => [
  int(values, 'num_features'),
  `eps=${number(values, 'eps')}`,
  `momentum=${number(values, 'momentum') ?? 'None'}`,
];

const LAYERS: Readonly<Record<string, Writer>> = {
  Linear: (values) => [int(values, 'in_features'), int(values, 'out_features'), ...withBias(values)],
  Embedding: (values) => [int(values, 'num_embeddings'), int(values, 'embedding_dim')],
  LayerNorm: (values) => [int(values, 'normalized_shape'), `eps=${number(values, 'eps')}`, ...withBias(values)],
  RMSNorm: (values) => [int(values, 'normalized_shape'), `eps=${number(values, 'eps')}`],
  Conv2d: (values) => [
    int(values, 'in_channels'),
    int(values, 'out_channels'),
    int(values, 'kernel'),
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
