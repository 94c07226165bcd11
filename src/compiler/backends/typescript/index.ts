export { type GeneratedModule, generateModule, type Provenance } from './module.ts';
