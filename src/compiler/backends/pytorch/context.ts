/** What a body is written in: names that are taken, and how others are called. */
import type { ModuleInstance } from '../../elaborate/instance.ts';
import type { BodyRun } from '../../elaborate/record.ts';
import type { Recording } from './bodies.ts';
import type { HelperName } from './lowerings/rule.ts';

export interface Context {
  readonly recording: Recording;
  /** names of the file */
  readonly globals: Iterable<string>;
  /** what a call of a body is: `self.attn`, `self.encode`, `moved`. @param alias key of a module → a loop's variable */
  callee(run: BodyRun, from: BodyRun, alias: ReadonlyMap<string, string>): string;
  /** Whether a body is given where its tensors go, as it has no tensor to ask. */
  takesDevice(run: BodyRun): boolean;
  /** Whether a module has parameters, itself or below it. */
  hasParameters(instance: ModuleInstance): boolean;
  /** Whether a body of the module asks is_training(). */
  asks(instance: ModuleInstance | undefined): boolean;
  /** `self.weight`. @throws TorchProblem where the parameter is not below the body's module */
  parameter(key: string, from: BodyRun, alias: ReadonlyMap<string, string>): string;
  helper(name: HelperName | 'Cache'): string;
  /** The name of the function of autograd that has these lines; equal ones are one. */
  gradientClass(asked: string, lines: readonly string[]): string;
  /** `self.layers`, where these are all its members in order */
  wholeList(keys: readonly string[], from: BodyRun): string | undefined;
}
