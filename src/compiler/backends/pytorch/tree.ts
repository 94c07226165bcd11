/**
 * The model as modules of torch see it: a tree by the components of checkpoint keys, so that `state_dict()` has those keys.
 *
 *   llama_model = PhiForCausalLM(…) key "llama_model.base_model.model"  ─▶  self.llama_model.base_model.model
 */
import type { ModuleInstance, ParameterInfo } from '../../elaborate/instance.ts';
import type { Value } from '../../elaborate/values.ts';
import { TorchProblem } from './problem.ts';
import { isIdentifier, string } from './python.ts';
import { isSpecial, MODULE_ATTRIBUTES } from './reserved.ts';

export interface TreeNode {
  readonly key: string;
  readonly children: Map<string, TreeNode>;
  instance?: ModuleInstance;
  parameter?: ParameterInfo;
}

/** The module whose place in the tree an instance has: an adapter is where what it adapts is. */
export const placeOf = (instance: ModuleInstance): ModuleInstance => instance.base ?? instance;

export const keyOf = (instance: ModuleInstance): string => placeOf(instance).keys[0] ?? '';

/** What torch calls parameters, here or below: buffers are none. */
export function hasParameters(node: TreeNode | undefined): boolean {
  if (node?.parameter && !node.parameter.buffer) return true;
  return [...(node?.children.values() ?? [])].some(hasParameters);
}

export class Tree {
  readonly root: TreeNode;

  /** @throws TorchProblem */
  constructor(root: ModuleInstance) {
    this.root = { key: '', children: new Map(), instance: root };
    this.addMembers(root);
  }

  private addMembers(instance: ModuleInstance): void {
    for (const value of instance.members.values()) this.add(value);
    if (instance.adapter) this.addMembers(instance.adapter);
  }

  private add(value: Value): void {
    if (value.kind === 'list') for (const item of value.items) this.add(item);
    if (value.kind === 'parameter' && value.parameter.absent === undefined)
      this.insert(value.parameter.keys[0]).parameter = value.parameter;
    if (value.kind !== 'instance' || value.off || value.instance.absent !== undefined) return;
    const node = this.insert(keyOf(value.instance));
    if (node.instance) return; // another name for a module that is there already
    node.instance = value.instance;
    this.addMembers(value.instance);
  }

  private insert(key: string): TreeNode {
    let node = this.root;
    for (const part of key.split('.')) {
      if (part === '') throw new TorchProblem('torch_key', { key, reason: 'a part of it is empty' });
      if (MODULE_ATTRIBUTES.has(part) || isSpecial(part))
        throw new TorchProblem('torch_key', { key, reason: `torch.nn.Module has a member ${part} of its own` });
      if (node.parameter)
        throw new TorchProblem('torch_key', { key, reason: `${node.key} is a parameter, which holds no others` });
      let child = node.children.get(part);
      if (!child) {
        child = { key: node.key === '' ? part : `${node.key}.${part}`, children: new Map() };
        node.children.set(part, child);
      }
      node = child;
    }
    return node;
  }

  at(key: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    for (const part of key === '' ? [] : key.split('.')) node = node?.children.get(part);
    return node;
  }

  /** `self.layers[0].mlp` for what is at `to` below `from`; undefined where it is not below. */
  path(from: string, to: string, self = 'self'): string | undefined {
    const start = this.at(from);
    const inside = from === '' || to === from || to.startsWith(`${from}.`);
    if (!start || !inside || !this.at(to)) return undefined;
    const rest = to.slice(from === '' ? 0 : from.length + 1);
    let [text, node] = [self, start];
    for (const part of rest === '' ? [] : rest.split('.')) {
      text = member(text, part, isList(node));
      node = node.children.get(part)!;
    }
    return text;
  }
}

/** Whether the children are modules numbered 0, 1, 2, …: a ModuleList. */
export function isList({ instance, children }: TreeNode): boolean {
  if (instance || children.size === 0) return false;
  return [...children].every(([name, child], index) => name === String(index) && !child.parameter);
}

/** `x.name`, `x[0]`, or `getattr` for what is no name of Python's. */
export function member(object: string, name: string, inList: boolean): string {
  if (inList) return `${object}[${name}]`;
  return isIdentifier(name) ? `${object}.${name}` : `getattr(${object}, ${string(name)})`;
}

/** What sets such a member. */
export function assignment(member: string, value: string): string {
  const [, object, name] = /^getattr\((.*), (".*")\)$/.exec(member) ?? [];
  return name === undefined ? `${member} = ${value}` : `setattr(${object}, ${name}, ${value})`;
}
