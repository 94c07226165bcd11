/**
 * A model as people look at it: its tree of modules and the graphs of its entries, with what each part costs. The compiler
 * makes it of a program (compiler/view), `mdl view` also of an ONNX file; src/viewer shows it. Plain data, so that it crosses
 * to a worker and fits into a page as JSON.
 */
import type { Dim } from './dim.ts';

export interface ModelView {
  readonly name: string;
  /** `config nano, lora=false`; what the numbers are of */
  readonly about: string;
  /** elements of all parameters, buffers left out */
  readonly parameters: number;
  /** of parameters and buffers as they are stored, f32 */
  readonly bytes: number;
  readonly tree: ViewModule;
  readonly entries: readonly ViewEntry[];
}

/** A module of the tree. Numbers are of all that is inside of it; what two modules share counts where it stands first. */
export interface ViewModule {
  /** member name; `layers.3` for an item of a list */
  readonly label: string;
  /** `llama_model.model.layers.3`; '' for the model */
  readonly path: string;
  /** the module's declaration: `Linear` */
  readonly kind: string;
  /** `off`, `shared`, or nothing */
  readonly note?: string;
  /** type of its latest output in an entry: `f32[B, T, 128]` */
  readonly output?: string;
  readonly parameters: number;
  readonly bytes: number;
  /** where the member stands: `models/phi-2.mdl:42:3` */
  readonly source?: string;
  /** its own parameters and buffers */
  readonly own: readonly ViewParameter[];
  readonly children: readonly ViewModule[];
}

export interface ViewParameter {
  readonly name: string;
  /** checkpoint key */
  readonly key: string;
  readonly type: string;
  readonly buffer: boolean;
}

export interface ViewEntry {
  readonly name: string;
  /** dynamic dims in order of appearance, each with the size that costs are shown at first */
  readonly dims: readonly { readonly name: string; readonly size: number }[];
  readonly nodes: readonly ViewNode[];
  /** bytes of the entry's inputs and outputs */
  readonly ports: Dim;
}

/** What a node of the graph is: an input, an output, or an op. Parameters and constants are part of the op that reads them. */
export interface ViewNode {
  readonly kind: 'input' | 'output' | 'op';
  /** the op, or the port's name */
  readonly label: string;
  /** path of its module */
  readonly path: string;
  /** `models/phi-2.mdl:42:9` */
  readonly source?: string;
  /** type of the first output, or of the port */
  readonly type: string;
  /** attributes and the parameters that it reads, one a line */
  readonly detail: readonly string[];
  /** the nodes whose results it reads, by index; the same one only once */
  readonly from: readonly number[];
  /** floating-point operations; undefined where the op is not known */
  readonly flops?: Dim;
  /** of its outputs; 0 for what only renames elements (views) */
  readonly bytes: Dim;
}
