/** `npm run preview`: serves the built page on this machine, nothing else. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { context } from 'esbuild';

const dist = fileURLToPath(new URL('dist', import.meta.url));
if (!existsSync(dist)) {
  console.error('there is no built page: npm run build makes one');
  process.exit(1);
}
const server = await context({});
const { port } = await server.serve({ servedir: dist, host: '127.0.0.1' });
console.log(`http://127.0.0.1:${port}`);
