/** README.md's blocks: what a person copies from it, and what it says that commands print. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const README = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');

const blocks = [...README.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
  language,
  text,
}));

/** The first block of that language. */
export function block(language: string): string {
  const found = blocks.find((one) => one.language === language);
  if (found === undefined) throw new Error(`README.md has no block of ${language}`);
  return found.text;
}

const shown = blocks.filter(({ text }) => /^\$ /m.test(text)).map(({ text }) => text);

/** The end of what `fleet demo` prints. */
export const demoEnd = shown.find((text) => text.includes('fleet-demo')) ?? '';

export interface Shown {
  readonly command: string;
  /** Begins with a line of dots where the beginning is left out. */
  readonly output: string;
}

/** Every command that a prompt stands before, in order, with what it printed; the demo's apart. */
export const session: readonly Shown[] = shown
  .filter((text) => text !== demoEnd)
  .flatMap((text) => text.split(/^\$ /m).slice(1))
  .map((text) => ({ command: text.slice(0, text.indexOf('\n')), output: text.slice(text.indexOf('\n') + 1) }));

/** Without what differs from one run to the next: ids, times, checksums, the order in which changes were done, and so widths of columns. */
export function withoutVarying(text: string): string {
  const lines = text
    .replaceAll(/\S*\/fleet-demo-\w{6}(?=\/)/g, '/tmp/fleet-demo-XXXXXX')
    .replaceAll(/\b(process|pid) \d+/g, '$1 N')
    .replaceAll(/\/tmux-\d+\//g, '/tmux-UID/')
    .replaceAll(/\b[0-9a-f]{12}…/g, 'SHA256…')
    .replaceAll(/(?<= {2})\d+(?= {2,}\d+s {2})/g, 'PID')
    .replaceAll(/\b\d+s(?= {2}|\/working)/g, 'Ns')
    .replaceAll(/(?<=\S) {2,}(?=\S)/g, '  ')
    .trimEnd()
    .split('\n');
  const done = lines.filter((line) => line.startsWith('done ')).sort();
  return lines.map((line) => (line.startsWith('done ') ? done.shift() : line)).join('\n');
}
