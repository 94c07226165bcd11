/** What `mdl compile` says of what it wrote. */

import type { Model } from '../../elaborate/model.ts';
import { DEFAULT_ADAPTER } from '../../swap-adapters.ts';
import type { Artifact, Made } from '../../targets/target.ts';
import { formatBytes, formatCount } from '../../workbench/units.ts';

/** `TinyGPTV (config nano, opset 17; lora=true qk_norm=true)` */
export function titleOf(model: Model, target: string): string {
  const flags = [...model.settings.flags].map(([name, on]) => `${name}=${on}`).join(' ');
  return `${model.name} (config ${model.settings.configName || 'none'}, ${target}${flags === '' ? '' : `; ${flags}`})`;
}

export interface Written {
  readonly out: string;
  /** beside what the artifact says */
  readonly more: readonly Made[];
  readonly withWeights: boolean;
  /** whether the weights came with an adapter, where adapters are inputs */
  readonly ownAdapter: boolean;
  readonly seconds: number;
}

export function reportOf(artifact: Artifact, written: Written): string {
  const { model, adapters } = artifact.graphs;
  const line = ({ name, what, bytes }: Made): string =>
    `  ${name.padEnd(30)} ${[what, ...(bytes === undefined ? [] : [formatBytes(bytes)])].filter(Boolean).join('  ')}`;
  const bytes = artifact.weights.reduce((sum, file) => sum + file.bytes, 0);
  const stored = written.withWeights
    ? artifact.weights.map((file) => line({ name: file.file, what: '', bytes: file.bytes }))
    : [`  no weights: the graphs refer to ${formatBytes(bytes)} that --weights or --init would write`];
  const own = written.ownAdapter ? `the weights' own is in ${DEFAULT_ADAPTER}` : 'the weights have none';
  return [
    `${titleOf(model, artifact.label)} in ${written.out}`,
    ...[...artifact.made, ...written.more].map(line),
    ...stored,
    ...(artifact.clients?.reason === undefined ? [] : [`  no graph for other programs: ${artifact.clients.reason}`]),
    ...(adapters ? [`  adapters are inputs; ${own}`] : []),
    `  ${formatCount(countParameters(model))} parameters, ${written.seconds.toFixed(2)} s`,
  ].join('\n');
}

function countParameters(model: Model): number {
  const trainable = [...model.parameters.values()].filter(({ buffer }) => !buffer);
  return trainable.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0);
}
