/** The errors of WebGPU, R10; part of the catalogue in ../errors.ts, which says how they are written. */
import { entry } from '../error-entry.ts';

export const WEBGPU_ERRORS = {
  R1001: entry(
    ({ tried }: { tried: readonly string[] }) =>
      `there is no WebGPU adapter here (tried: ${tried.length > 0 ? tried.join('; ') : 'nothing'}), so use a browser with WebGPU, install the package webgpu and a Vulkan, Metal or D3D12 driver, or choose the backend onnx`,
    'A page needs navigator.gpu (Chrome and Edge 113, Safari 26, Firefox 141 or newer, on https or localhost). Deno and Bun may have it too. Node gets it from the optional package `webgpu` (Dawn), which needs a graphics driver; a software driver such as SwiftShader (named in VK_DRIVER_FILES) works, slowly.',
  ),
  R1002: entry(
    ({ adapter, limit, wanted, granted }: { adapter: string; limit: string; wanted: number; granted: number }) =>
      `the plan needs ${limit} of ${wanted} and the adapter ${adapter} grants ${granted}, so compile for smaller limits or use another adapter`,
    'Plans are compiled for limits that a device must grant. The defaults of the WebGPU specification are granted everywhere; a plan that was compiled for more runs on fewer machines.',
  ),
  R1003: entry(
    ({ reason }: { reason: string }) =>
      `the WebGPU device is lost (${reason}), so call session.recover() and run again`,
    'The driver was reset, the machine woke from sleep, memory ran out, or device.destroy() was called. Everything on the device is gone; session.recover() takes a new device and loads the weights again. Training goes on from its last checkpoint.',
  ),
  R1004: entry(
    ({ kernel, reason, source }: { kernel: string; reason: string; source: string }) =>
      `the kernel ${kernel} does not compile (${reason}), so compile the model again with this version of mdl\n${source}`,
    "The adapter's compiler refused a kernel. The lines around the place are shown. Kernels of this compiler are valid WGSL, so the plan was changed or comes from another version.",
  ),
  R1005: entry(
    ({ what, bytes, limit, granted }: { what: string; bytes: number; limit: string; granted: number }) =>
      `${what} needs a buffer of ${bytes} bytes and the device's ${limit} is ${granted}, so run a smaller batch or a shorter sequence`,
    'A buffer holds one tensor, and its size follows from the shapes of the inputs. Adapters limit buffers (often 256 MiB) and bindings (often 128 MiB).',
  ),
  R1006: entry(
    ({ entry, origin, reason }: { entry: string; origin: string; reason: string }) =>
      `the device refused a step of ${entry} (${origin}: ${reason}), so compile the model again with this version of mdl`,
    'WebGPU validates every command. A command of a plan that this compiler wrote is valid, so the plan was changed, comes from another version, or the device was destroyed by the program that owns it.',
  ),
  R1007: entry(
    ({ entry, reason }: { entry: string; reason: string }) =>
      `the device ran out of memory in ${entry} (${reason}), so run a smaller batch, or free tensors and other sessions`,
    'Weights, caches, intermediate tensors and tensors that were kept on the device share its memory.',
  ),
  R1008: entry(
    ({ tensor, reason }: { tensor: string; reason: string }) =>
      `${tensor} cannot be used because it ${reason}, so use the tensor that the last run returned`,
    'A tensor on the device that is given to a run which updates it in place (a key/value cache, a trained parameter) is used up by that run; the output takes its place. After destroy() and after the loss of its device it is gone too.',
  ),
  R1009: entry(
    ({ tensor, value, index }: { tensor: string; value: string; index: number }) =>
      `element ${index} of ${tensor} is ${value} and integers on the device have 32 bits, so keep them from -2147483648 to 4294967295`,
    'WGSL has no 64-bit integers. Token ids, labels, positions and seeds fit in 32 bits; values from 2^31 on are stored as their unsigned pattern.',
  ),
  R1010: entry(
    ({ source, key, found, expected }: { source: string; key: string; found: string; expected: string }) =>
      `${key} in ${source} is ${found} and the plan expects ${expected}, so give the weights of this model and config`,
    'The weights belong to another model, config or set of flags than the plan. Keys are checkpoint keys; shapes must agree exactly.',
  ),
  R1011: entry(
    ({ entry, origin, groups, limit }: { entry: string; origin: string; groups: readonly number[]; limit: number }) =>
      `${origin} of ${entry} needs ${groups.join(' × ')} workgroups and a device takes ${limit} along each axis, so run a smaller batch or a shorter sequence`,
    'The number of workgroups follows from the shapes of the inputs. Where the kernel allows it the runtime folds them; this one does not.',
  ),
  R1012: entry(
    ({ file, reason }: { file: string; reason: string }) =>
      `the plan ${file} ${reason}, so compile the model again with this version of mdl`,
    'plan.json is what `mdl compile --target webgpu` writes: kernels, buffers and steps. This one is damaged or of another version.',
  ),
  R1013: entry(
    ({ adapter }: { adapter: string }) =>
      `the adapter ${adapter} does not grant timestamp-query, which a profile needs, so run without it or start the browser with --enable-webgpu-developer-features`,
    'Times per kernel come from timestamps that the device writes. Some browsers grant them only in a developer mode.',
  ),
} as const;
