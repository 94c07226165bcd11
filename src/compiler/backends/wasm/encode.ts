/** The binary format of WebAssembly, as far as `kernels.ts` writes it. https://webassembly.github.io/spec/core/binary */

/** Bytes and lists of bytes, flattened by `flat`. */
export type Bytes = readonly (number | Bytes)[];

export function flat(bytes: Bytes): number[] {
  return bytes.flatMap((part) => (typeof part === 'number' ? [part] : flat(part)));
}

/** LEB128, unsigned. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

const list = (items: readonly Bytes[]): Bytes => [unsigned(items.length), ...items];

const sized = (bytes: Bytes): Bytes => {
  const content = flat(bytes);
  return [unsigned(content.length), content];
};

const text = (value: string): Bytes => {
  const bytes = [...new TextEncoder().encode(value)];
  return [unsigned(bytes.length), bytes];
};

export const TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof TYPES;

export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  /** beside the parameters, whose numbers come first */
  readonly locals: readonly ValueType[];
  readonly body: Bytes;
}

/** Of what a module asks its host. */
export interface WasmImports {
  /** under which all are, the memory as `memory` */
  readonly module: string;
  /** functions from f32 to f32, which have the first numbers */
  readonly functions: readonly string[];
}

/** A module of functions without results, all exported, over an imported memory. */
export function encodeModule(imports: WasmImports, functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types: Bytes[] = [[0x60, [1, TYPES.f32], [1, TYPES.f32]]];
  const typeOf = functions.map(({ parameters }) => {
    types.push([0x60, list(parameters.map((type) => [TYPES[type]])), list([])]);
    return types.length - 1;
  });
  const imported: Bytes[] = [
    ...imports.functions.map((name): Bytes => [text(imports.module), text(name), 0x00, unsigned(0)]),
    [text(imports.module), text('memory'), 0x02, 0x00, unsigned(0)],
  ];
  const first = imports.functions.length;
  const section = (id: number, items: readonly Bytes[]): Bytes => [id, sized(list(items))];
  return Uint8Array.from(
    flat([
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, types),
      section(2, imported),
      section(
        3,
        typeOf.map((type) => unsigned(type)),
      ),
      section(
        7,
        functions.map(({ name }, index) => [text(name), 0x00, unsigned(first + index)]),
      ),
      section(
        10,
        functions.map(({ locals, body }) => sized([list(locals.map((type) => [1, TYPES[type]])), body, 0x0b])),
      ),
    ]),
  );
}

/** The bits of an f32, least significant byte first. */
export function f32Bytes(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}
