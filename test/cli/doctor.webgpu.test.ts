/** `mdl doctor`'s kernels on an adapter. */
import { expect, it } from 'vitest';
import { examineKernels, isFine } from '../../src/compiler/workbench/doctor/examine.ts';
import { examineMachine } from '../../src/compiler/workbench/doctor/machine.ts';

it('the adapter is described, and every family of kernels is right on it', async () => {
  const { webgpu, auto } = await examineMachine();
  expect(webgpu).toMatchObject({ profile: 'software' });
  expect(auto.backend).toBe('onnx');
  const findings = await examineKernels('webgpu');
  expect(findings.filter((finding) => !isFine(finding))).toEqual([]);
});
