/**
 * Places in what is published, whose names are shortened, as places in the source: what a bug report needs. The maps lie
 * beside the files that they are of; without them everything stays as it is.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { nodeModule } from '../spec/node-own.ts';

/** `fleet.bundle.cjs:12:345` or `/somewhere/dist/deferred/commands.cjs:12:345`, as stack traces have them. */
const PLACE = /(?<![^\s()])([^\s()]*\.cjs):(\d+):(\d+)/g;

/** `script`: the file that was started, in the directory of the others. */
export function withSourcePlaces(stack: string, script: string): string {
  const maps = new Map<string, ((line: number, column: number) => string | null) | null>();
  return stack.replace(PLACE, (place, path: string, line: string, column: string) => {
    const file = `${basename(dirname(path)) === 'deferred' ? 'deferred/' : ''}${basename(path)}`;
    if (!maps.has(file)) maps.set(file, readMap(script, file));
    try {
      return maps.get(file)?.(Number(line), Number(column)) ?? place;
    } catch {
      // A damaged map: what it says is no place.
      return place;
    }
  });
}

function readMap(script: string, file: string): ((line: number, column: number) => string | null) | null {
  try {
    const { SourceMap } = nodeModule('node:module');
    const map = new SourceMap(JSON.parse(readFileSync(`${dirname(realpathSync(script))}/${file}.map`, 'utf8')));
    return (line, column) => {
      // Counted from 0, where stack traces count from 1.
      const entry = map.findEntry(line - 1, column - 1);
      if (!('originalSource' in entry)) return null;
      const source = entry.originalSource.replace(/^.*?(?=(?:src|node_modules)\/)/, '');
      return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    };
  } catch {
    return null;
  }
}
