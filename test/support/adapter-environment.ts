/**
 * The environment in which a Node process finds a WebGPU adapter on a bare linux x64 machine: SwiftShader as the only
 * Vulkan driver. A machine that names its own driver (VK_DRIVER_FILES or VK_ICD_FILENAMES) keeps it, and
 * `MDL_TEST_ADAPTER=system` takes whatever the system has.
 */
import { delimiter, join } from 'node:path';
import { packedRunsHere, unpackSwiftShader } from './unpack.ts';

export function adapterEnvironment(): Record<string, string> {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, LD_LIBRARY_PATH, MDL_TEST_ADAPTER } = process.env;
  if (!packedRunsHere || VK_DRIVER_FILES || VK_ICD_FILENAMES || MDL_TEST_ADAPTER === 'system') return {};
  const folder = unpackSwiftShader();
  const driver = join(folder, 'vk_swiftshader_icd.json');
  return {
    LD_LIBRARY_PATH: [folder, LD_LIBRARY_PATH].filter((path) => path).join(delimiter),
    VK_DRIVER_FILES: driver,
    VK_ICD_FILENAMES: driver, // the name that older loaders know
  };
}
