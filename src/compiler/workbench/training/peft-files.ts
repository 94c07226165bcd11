/** A LoRA adapter in PEFT's format as bytes: what is written of a model, on the disk or in a page. */
import { peftKey } from '../../../runtime/adapters.ts';
import { encodeSafetensors } from '../../../runtime/weights/encode.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { ModuleInstance, ParameterInfo } from '../../elaborate/instance.ts';
import { submodulesOf } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import { needed } from '../weights/match.ts';

export const CONFIG = 'adapter_config.json';
export const WEIGHTS = 'adapter_model.safetensors';

/** What the adapters of a model share. */
export interface LoraShape {
  readonly r: number;
  readonly alpha: number;
  readonly dropout: number;
  /** last names of the adapted modules */
  readonly modules: readonly string[];
}

export const adapterParameters = (model: Model): ParameterInfo[] =>
  needed(model).filter(({ adapter }) => adapter !== undefined);

/** undefined: the model has no LoRA, or its adapters are merged */
export function shapeOf(model: Model): LoraShape | undefined {
  const adapted: ModuleInstance[] = [];
  const visit = (instance: ModuleInstance): void => {
    if (instance.adapter) adapted.push(instance);
    for (const child of submodulesOf(instance)) visit(child.instance);
  };
  visit(model.root);
  const values = adapted[0]?.adapter?.values;
  if (!values) return undefined;
  const number = (name: string, fallback: number): number => {
    const value = values.get(name);
    return value?.kind === 'int' || value?.kind === 'float' ? value.value : fallback;
  };
  const modules = [...new Set(adapted.map(({ path }) => path.split('.').at(-1)!))];
  return { r: number('r', 0), alpha: number('alpha', 0), dropout: number('dropout', 0), modules };
}

/** Files by name. @param tensors by checkpoint key */
export function peftFiles(shape: LoraShape, tensors: ReadonlyMap<string, HostTensor>): Map<string, Uint8Array> {
  const renamed = new Map([...tensors].map(([key, tensor]) => [peftKey(key), tensor]));
  return new Map([
    [CONFIG, new TextEncoder().encode(configText(shape))],
    [WEIGHTS, encodeSafetensors(renamed)],
  ]);
}

export function configText({ r, alpha, dropout, modules }: LoraShape): string {
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: null,
    r,
    lora_alpha: alpha,
    lora_dropout: dropout,
    target_modules: modules,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    modules_to_save: null,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
