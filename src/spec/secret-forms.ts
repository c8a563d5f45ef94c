/** How a secret's value may turn up in text: as it is, or as something wrote it (JSON, a shell, a URL, base64). Pure. */
import { formatEnvFileValue, quoteShell } from './quoting.ts';

/** Shorter values are not looked for: `on` or `yes` would be struck out of everything. */
export const SHORTEST_MASKED = 4;
/** Shorter ones only where they stand alone: `main` must not strike out `domain`. */
const SHORTEST_INSIDE_WORDS = 8;
/** /proc/PID/comm keeps so many bytes of a name. */
const COMM_BYTES = 15;

export interface SecretForm {
  readonly text: string;
  /** Only where no letter, digit or underscore touches it. */
  readonly alone: boolean;
}

/** Longest first; empty for a value too short to look for. */
export function formsOf(value: string): readonly SecretForm[] {
  const lines = value.split('\n').map((line) => line.trim());
  const texts = [value, ...lines].filter((text) => [...text].length >= SHORTEST_MASKED).flatMap(spellings);
  const distinct = new Set(texts.filter((text) => text.length >= SHORTEST_MASKED));
  return [...distinct]
    .sort((a, b) => b.length - a.length)
    .map((text) => ({ text, alone: text.length < SHORTEST_INSIDE_WORDS }));
}

function spellings(text: string): readonly string[] {
  const bytes = Buffer.from(text, 'utf8');
  // Read as UTF-8, so without a lone surrogate, which could not be encoded.
  const url = encodeURIComponent(text);
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    quoteShell(text).slice(1, -1),
    formatEnvFileValue(text),
    // Between double quotes of a shell, and word by word as `printf %q` writes it.
    text.replace(/["\\`$]/g, '\\$&'),
    text.replace(/[^\w@%+=:,./-]/g, '\\$&'),
    url,
    url.replaceAll('%20', '+'),
    ...base64Of(bytes),
    ...(bytes.length > COMM_BYTES ? [bytes.subarray(0, COMM_BYTES).toString('utf8')] : []),
  ];
}

/** By itself, and within something longer (`user:value`), where it may begin at any of three places of a group. */
function base64Of(bytes: Buffer): readonly string[] {
  const whole = [bytes.toString('base64'), bytes.toString('base64url')];
  const inside = [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    // Characters that hold bits of what stands before or behind it are not the value's own.
    const first = Math.ceil((before * 8) / 6);
    const last = Math.floor((padded.length * 8) / 6);
    return [padded.toString('base64').slice(first, last), padded.toString('base64url').slice(first, last)];
  });
  return [...whole, ...inside.filter((core) => core.length >= SHORTEST_INSIDE_WORDS)];
}
