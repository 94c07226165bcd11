/**
 * `npm run model`: compiles what the page loads, `model/`, for both of its backends. Without an argument the weights are the pre-trained parts that
 * come with this repository, which need no training; `npm run model -- CHECKPOINT` takes others of the nano config.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = fileURLToPath(new URL('model', import.meta.url));

/** @throws Error when the compiler refuses; it has said why on stderr */
export function compileModel(weights = 'models/nano-pretrained.safetensors', folder = out, mdl = 'dist/mdl.js'): void {
  const entries = ['encode_image', 'embed_tokens', 'decode'].flatMap((entry) => ['--entry', entry]);
  const settings = ['--config', 'nano', '--weights', weights, '--allow-missing', '**.lora_*'];
  const compile = [mdl, '--quiet', 'compile', 'models/tinygpt-v.mdl', ...settings, ...entries, '--out', folder];
  for (const target of ['onnx', 'webgpu']) {
    const command = [...compile, '--target', target];
    const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`mdl ${command.slice(2).join(' ')} failed`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) compileModel(process.argv[2]);
