/** What the rest of the compiler, and the package's declarations, know of an ONNX file: nothing here is protobuf. */

/** Opset 17: plain operators that every runtime has. Opset 23: RMSNormalization, RotaryEmbedding, Gelu and kin. */
export type OnnxOpset = 17 | 23;

/** Where a tensor lies beside the model. */
export interface ExternalLocation {
  /** plain file name, relative to the model */
  readonly location: string;
  /** bytes from the start of the file */
  readonly offset: number;
  /** bytes */
  readonly length: number;
}
