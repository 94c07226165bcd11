/**
 * Runs a kernel template over plain buffers: writes the load and store functions that the generator would write,
 * builds the module and reads the results back.
 */
import type { Extent, Sink, Source, Template } from '../../../../src/compiler/backends/wgsl/families/contract.ts';
import { printTemplate } from '../../../../src/compiler/backends/wgsl/text/emit.ts';
import { literal, variable } from '../../../../src/compiler/backends/wgsl/text/expression.ts';
import { code, Name } from '../../../../src/compiler/backends/wgsl/text/wgsl.ts';
import { evaluateDim, symbol } from '../../../../src/shared/dim.ts';

const sizeText = ({ size }: Extent): string => code(size).print(({ hint }) => hint);

/** A template under test: its sizes, operands and results by name. */
export class Bench {
  readonly #functions: string[] = [];
  readonly #bindings: { readonly name: string; readonly data: Float32Array | Uint32Array; readonly out: boolean }[] =
    [];
  readonly #params: number[] = [];
  readonly #symbols = new Map<string, number>();

  /** A size, static or (with `dynamic`) from the uniform. */
  extent(value: number, dynamic = false): Extent {
    if (!dynamic) return { dim: value, size: literal('u32', value) };
    const word = this.#params.push(value) - 1;
    this.#symbols.set(`S${word}`, value);
    return { dim: symbol(`S${word}`), size: variable(new Name(`params[${word >> 2}][${word & 3}]`), 'u32') };
  }

  /**
   * An operand over a buffer that holds its axes in `order` (outermost first; default 0, 1, 2 …). `vector`: loads of
   * four along the innermost axis. An extent of a single batch is broadcast where the coordinate goes on.
   */
  source(
    name: string,
    data: Float32Array,
    extents: readonly Extent[],
    options: { readonly order?: readonly number[]; readonly vector?: boolean } = {},
  ): Source {
    const order = options.order ?? extents.map((_, axis) => axis);
    const coordinates = extents.map((_, axis) => `i${axis}`);
    const index = order.reduce(
      (text, axis) => (text === '' ? `i${axis}` : `(${text}) * ${sizeText(extents[axis]!)} + i${axis}`),
      '',
    );
    const signature = coordinates.map((c) => `${c}: u32`).join(', ');
    const at4 = new Map<number, Name>();
    const binding = this.#bindings.push({ name, data, out: false }) - 1;
    const element = options.vector ? 'vec4f' : 'f32';
    this.#functions.push(
      `@group(0) @binding(${binding}) var<storage, read> ${name}_data: array<${element}>;`,
      options.vector
        ? `fn ${name}_at(${signature}) -> f32 { let e = ${index}; return ${name}_data[e >> 2u][e & 3u]; }`
        : `fn ${name}_at(${signature}) -> f32 { return ${name}_data[${index}]; }`,
    );
    if (options.vector) {
      at4.set(order.at(-1)!, new Name(`${name}_at4`));
      this.#functions.push(`fn ${name}_at4(${signature}) -> vec4f { return ${name}_data[(${index}) >> 2u]; }`);
    }
    return { at: new Name(`${name}_at`), at4 };
  }

  /** A bool operand over u32 words: a WGSL function of all coordinates → bool. */
  mask(name: string, data: readonly boolean[], extents: readonly Extent[]): Name {
    const binding =
      this.#bindings.push({ name, data: Uint32Array.from(data, (value) => (value ? 1 : 0)), out: false }) - 1;
    const index = extents.reduce(
      (text, size, axis) => (text === '' ? `i${axis}` : `(${text}) * ${sizeText(size)} + i${axis}`),
      '',
    );
    this.#functions.push(
      `@group(0) @binding(${binding}) var<storage, read> ${name}_data: array<u32>;`,
      `fn ${name}_at(${extents.map((_, axis) => `i${axis}: u32`).join(', ')}) -> bool { return ${name}_data[${index}] != 0u; }`,
    );
    return new Name(`${name}_at`);
  }

  /** A result, row-major; `epilogue` is WGSL for what is stored, of `value`. */
  sink(name: string, extents: readonly Extent[], options: { readonly epilogue?: string } = {}): Sink {
    const size = extents.reduce((product, { dim }) => product * evaluateDim(dim, this.#symbols), 1);
    // NaN where nothing is written
    const binding = this.#bindings.push({ name, data: new Float32Array(size).fill(Number.NaN), out: true }) - 1;
    const index = extents.reduce(
      (text, extent, axis) => (text === '' ? `i${axis}` : `(${text}) * ${sizeText(extent)} + i${axis}`),
      '',
    );
    const signature = extents.map((_, axis) => `i${axis}: u32`).join(', ');
    this.#functions.push(
      `@group(0) @binding(${binding}) var<storage, read_write> ${name}_data: array<f32>;`,
      `fn ${name}_store(${signature}, value: f32) { ${name}_data[${index}] = ${options.epilogue ?? 'value'}; }`,
    );
    return { store: new Name(`${name}_store`) };
  }

  /** More WGSL, such as a helper of an epilogue. */
  declare(text: string): void {
    this.#functions.push(text);
  }

  wgsl(template: Template): string {
    const words = this.#params.length;
    const uniform =
      words === 0
        ? ''
        : `@group(0) @binding(${this.#bindings.length}) var<uniform> params: array<vec4u, ${Math.ceil(words / 4)}>;\n`;
    return `${uniform}${this.#functions.join('\n')}\n${printTemplate(template)}`;
  }

  async prepare(device: GPUDevice, template: Template): Promise<Prepared> {
    const code = this.wgsl(template);
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code });
    const started = performance.now();
    // an explicit layout: a kernel may leave an operand of its case alone
    const layout = device.createBindGroupLayout({
      entries: [
        ...this.#bindings.map(({ out }) => (out ? 'storage' : 'read-only-storage')),
        ...(this.#params.length > 0 ? ['uniform'] : []),
      ].map((type, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: type as GPUBufferBindingType },
      })),
    });
    const pipeline = await device
      .createComputePipelineAsync({
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      })
      .catch(async (error: unknown) => {
        const { messages } = await module.getCompilationInfo();
        const found = messages.map(({ lineNum, message }) => `${lineNum}: ${message}`).join('\n');
        throw new Error(`${String(error)}\n${found}\n${numbered(code)}`);
      });
    const compileMs = performance.now() - started;
    const buffers = this.#bindings.map(({ data, out }) => {
      const buffer = device.createBuffer({
        size: Math.max(16, data.byteLength),
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | (out ? GPUBufferUsage.COPY_SRC : 0),
      });
      device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
      return buffer;
    });
    const words = this.#params.length;
    if (words > 0) {
      const padded = new Uint32Array(4 * Math.ceil(words / 4));
      padded.set(this.#params);
      const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
      const uniform = device.createBuffer({ size: padded.byteLength, usage });
      device.queue.writeBuffer(uniform, 0, padded);
      buffers.push(uniform);
    }
    const group = device.createBindGroup({
      layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    const error = await device.popErrorScope();
    if (error) throw new Error(`${error.message}\n${code}`);
    return new Prepared(device, pipeline, group, buffers, this.#groups(template), this.#results(), compileMs);
  }

  /** Every result by name. */
  async run(device: GPUDevice, template: Template): Promise<ReadonlyMap<string, Float32Array>> {
    const prepared = await this.prepare(device, template);
    prepared.submit(1);
    const results = await prepared.read();
    prepared.destroy();
    return results;
  }

  #results(): readonly { readonly name: string; readonly binding: number; readonly bytes: number }[] {
    return this.#bindings
      .map(({ name, data, out }, binding) => ({ name, binding, bytes: data.byteLength, out }))
      .filter(({ out }) => out);
  }

  #groups(template: Template): readonly [number, number, number] {
    const counts = template.groups.map(({ of, per }) => Math.ceil(evaluateDim(of, this.#symbols) / per));
    const groups = counts.reduce((product, count) => product * count, 1);
    // as the runtime folds what is past the limit of one dimension
    return groups > 65_535 ? [65_535, Math.ceil(groups / 65_535), 1] : [groups, 1, 1];
  }
}

/** A compiled kernel with its buffers. */
export class Prepared {
  readonly compileMs: number;
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;
  readonly #buffers: readonly GPUBuffer[];
  readonly #groups: readonly [number, number, number];
  readonly #results: readonly { readonly name: string; readonly binding: number; readonly bytes: number }[];

  constructor(
    device: GPUDevice,
    pipeline: GPUComputePipeline,
    group: GPUBindGroup,
    buffers: readonly GPUBuffer[],
    groups: readonly [number, number, number],
    results: readonly { readonly name: string; readonly binding: number; readonly bytes: number }[],
    compileMs: number,
  ) {
    this.#device = device;
    this.#pipeline = pipeline;
    this.#group = group;
    this.#buffers = buffers;
    this.#groups = groups;
    this.#results = results;
    this.compileMs = compileMs;
  }

  submit(times: number): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#group);
    for (let time = 0; time < times; time += 1) pass.dispatchWorkgroups(...this.#groups);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  async read(): Promise<ReadonlyMap<string, Float32Array>> {
    const results = new Map<string, Float32Array>();
    for (const { name, binding, bytes } of this.#results) {
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = this.#device.createBuffer({ size: Math.max(16, bytes), usage });
      const encoder = this.#device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.#buffers[binding]!, 0, staging, 0, bytes);
      this.#device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      results.set(name, new Float32Array(staging.getMappedRange().slice(0, bytes)));
      staging.destroy();
    }
    return results;
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}

function numbered(code: string): string {
  return code
    .split('\n')
    .map((line, index) => `${index + 1}: ${line}`)
    .join('\n');
}

/** Deterministic values in (−1, 1). */
export function numbers(count: number, seed: number): Float32Array {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 8_388_608 - 1;
  });
}

/** The largest difference, relative to the largest expected value. */
export function difference(actual: Float32Array, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [most, largest] = [0, 1e-30];
  for (let index = 0; index < actual.length; index += 1) {
    const gap = Math.abs(actual[index]! - expected[index]!);
    if (!(gap <= most)) most = gap;
    if (Number.isNaN(gap)) return Number.NaN;
    largest = Math.max(largest, Math.abs(expected[index]!));
  }
  return most / largest;
}
