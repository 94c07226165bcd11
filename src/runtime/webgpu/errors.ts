/** The errors of WebGPU, R10; part of the messages in ../errors.ts, which says how they are written. */
import { message } from '../message.ts';

export const WEBGPU_MESSAGES = {
  no_adapter: message(
    'R1001',
    ({ tried }: { tried: readonly string[] }) =>
      `there is no WebGPU adapter here (tried: ${tried.length > 0 ? tried.join('; ') : 'nothing'}), so use a browser with WebGPU, install the package webgpu and a Vulkan, Metal or D3D12 driver, or choose the backend onnx`,
  ),
  adapter_limit: message(
    'R1002',
    ({ adapter, limit, wanted, granted }: { adapter: string; limit: string; wanted: number; granted: number }) =>
      `the plan needs ${limit} of ${wanted} and the adapter ${adapter} grants ${granted}, so compile for smaller limits or use another adapter`,
  ),
  device_lost: message(
    'R1003',
    ({ reason }: { reason: string }) =>
      `the WebGPU device is lost (${reason}), so call session.recover() and run again`,
  ),
  kernel_not_compiled: message(
    'R1004',
    ({ kernel, reason, source }: { kernel: string; reason: string; source: string }) =>
      `the kernel ${kernel} does not compile (${reason}), so compile the model again with this version of mdl\n${source}`,
  ),
  buffer_too_large: message(
    'R1005',
    ({ what, bytes, limit, granted }: { what: string; bytes: number; limit: string; granted: number }) =>
      `${what} needs a buffer of ${bytes} bytes and the device's ${limit} is ${granted}, so run a smaller batch or a shorter sequence`,
  ),
  step_refused: message(
    'R1006',
    ({ entry, origin, reason }: { entry: string; origin: string; reason: string }) =>
      `the device refused a step of ${entry} (${origin}: ${reason}), so compile the model again with this version of mdl`,
  ),
  out_of_memory: message(
    'R1007',
    ({ entry, reason }: { entry: string; reason: string }) =>
      `the device ran out of memory in ${entry} (${reason}), so run a smaller batch, or free tensors and other sessions`,
  ),
  tensor_not_usable: message(
    'R1008',
    ({ tensor, reason }: { tensor: string; reason: string }) =>
      `${tensor} cannot be used because it ${reason}, so use the tensor that the last run returned`,
  ),
  integer_range: message(
    'R1009',
    ({ tensor, value, index, highest }: { tensor: string; value: string; index: number; highest: string }) =>
      `element ${index} of ${tensor} is ${value} and integers on the device have 32 bits, so keep them from -2147483648 to ${highest}, or run on the backend onnx`,
  ),
  plan_tensor: message(
    'R1010',
    ({ source, key, found, expected }: { source: string; key: string; found: string; expected: string }) =>
      `${key} in ${source} is ${found} and the plan expects ${expected}, so give the weights of this model and config`,
  ),
  too_many_workgroups: message(
    'R1011',
    ({ entry, origin, groups, limit }: { entry: string; origin: string; groups: number; limit: number }) =>
      `${origin} of ${entry} needs ${groups} workgroups and a device takes ${limit} in a dispatch, so run a smaller batch or a shorter sequence`,
  ),
  plan_form: message(
    'R1012',
    ({ file, reason }: { file: string; reason: string }) =>
      `the plan ${file} ${reason}, so compile the model again with this version of mdl`,
  ),
  no_timestamps: message(
    'R1013',
    ({ adapter }: { adapter: string }) =>
      `the adapter ${adapter} does not grant timestamp-query, which a profile needs, so run without it or start the browser with --enable-webgpu-developer-features`,
  ),
  integer_overflow: message(
    'R1014',
    ({ entry, op, origin, count }: { entry: string; op: string; origin: string; count: number }) =>
      `${count === 1 ? 'an element' : `${count} elements`} of ${op} in ${entry} (${origin}) left the 32 bits that integers have on the device, so feed smaller integers or run on the backend onnx`,
  ),
  axis_too_long: message(
    'R1015',
    ({
      entry,
      input,
      axis,
      size,
      limit,
    }: {
      entry: string;
      input: string;
      axis: number;
      size: number;
      limit: number;
    }) =>
      `axis ${axis} of ${input} of ${entry} is ${size} and a size on the device is at most ${limit}, so run a smaller batch or a shorter sequence`,
  ),
  self_test: message(
    'R1016',
    ({ adapter, off, of }: { adapter: string; off: readonly string[]; of: number }) =>
      `${off.length} of ${of} families of kernels are wrong on the adapter ${adapter} (${off.join('; ')}), so update its driver, choose another adapter or browser, or run on the backend onnx`,
  ),
  self_test_place: message(
    'R1017',
    ({ backend }: { backend: string }) =>
      `selfTest tests a WebGPU adapter and the model runs on ${backend}, so leave it out or compile the model for webgpu`,
  ),
} as const;
