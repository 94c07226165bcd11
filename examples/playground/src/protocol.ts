/** What the page asks its language worker beside the language server's own requests (worker/models.ts answers). */

import type { Choice } from '../../../src/compiler/lsp/choice.ts';
import type { ProgramSettings } from '../../../src/compiler/lsp/settings.ts';
import type { ConfigValue, TensorPort } from '../../../src/shared/artifact.ts';
import type { ModelView } from '../../../src/shared/view.ts';

/** A program under chosen settings. */
export interface Asked {
  /** of the model's file, project-relative */
  readonly path: string;
  readonly choice: Choice;
}

export interface ModelAsked extends Asked {
  /** whose graph is wanted; absent, or no entry of the model: the last, which of models that train is the loss */
  readonly entry?: string;
}

export interface ModelAnswer {
  /** with the graph of one entry */
  readonly view: ModelView;
  readonly entries: readonly string[];
  readonly stages: readonly {
    readonly name: string;
    readonly doc: string;
    readonly trained: number;
    /** the model has the entry that it minimises */
    readonly trains: boolean;
  }[];
  /** of the entry that is trained, where there is one: what a data set gives, and what it is compared with */
  readonly loss?: { readonly inputs: readonly TensorPort[]; readonly outputs: readonly TensorPort[] };
  /** whether it has LoRA under these settings */
  readonly adapted: boolean;
  readonly config: { readonly [name: string]: ConfigValue };
  readonly settings: ProgramSettings;
  /** name of the recipe and its settings; absent: the file names none */
  readonly recipe?: { readonly name: string; readonly settings: { readonly [name: string]: ConfigValue } };
}

export const CODE_TARGETS = ['graph', 'onnx', 'wgsl', 'pytorch'] as const;
export type CodeTarget = (typeof CODE_TARGETS)[number];

export interface CodeAsked extends Asked {
  readonly entry: string;
  readonly target: CodeTarget;
  /** `models/phi-2.mdl:42`: only what this line became */
  readonly line?: string;
}

/** Pieces of code with the lines of the source that they come from. */
export interface CodeAnswer {
  readonly pieces: readonly CodePiece[];
  /** pieces of the whole entry */
  readonly all: number;
}

export interface CodePiece {
  readonly title: string;
  readonly text: string;
  /** `models/phi-2.mdl:42:9` */
  readonly sources: readonly string[];
}

export const METHODS = { model: 'playground/model', code: 'playground/code' } as const;
