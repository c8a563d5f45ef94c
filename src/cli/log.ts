/** Logs go to stderr, results to stdout. Levels as pino names them. */
import type { Output } from './context.ts';

type LogLine = (fields: Readonly<Record<string, unknown>>, message: string) => void;

export interface Log {
  /** Only with -v. `fields` is plain data that names what the message is about. */
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
}

/** Text for people is written directly. */
export function textLog(verbose: boolean, output: Output): Log {
  const line: LogLine = (fields, message) => output.write(textLine(fields, message));
  return { debug: verbose ? line : () => {}, info: line, warn: line };
}

/** One object a line. pino costs start-up time, so it is loaded for `--log-format json` alone. */
export async function jsonLog(verbose: boolean, output: Output): Promise<Log> {
  const { pino } = await import('pino');
  const settings = { level: verbose ? 'debug' : 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const logger = pino(settings, { write: (line: string) => output.write(line) });
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
  };
}

function textLine(fields: Readonly<Record<string, unknown>>, message: string): string {
  const details = Object.entries(fields).map(([key, value]) => ` ${key}=${formatField(value)}`);
  return `fleet: ${message}${details.join('')}\n`;
}

function formatField(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
  return /^[\w./:@%+=-]+$/.test(text) ? text : JSON.stringify(text);
}
