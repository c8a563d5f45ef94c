/** Lets Node 20 import TypeScript as it stands: esbuild takes the types out. */
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
