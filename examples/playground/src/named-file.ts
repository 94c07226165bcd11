export interface NamedFile {
  /** with `/` between folders */
  readonly name: string;
  readonly bytes: Uint8Array;
}
