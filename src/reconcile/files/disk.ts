import type { FileWriter } from '../ports.ts';
import { readWholeFile } from './read-file.ts';
import { makeDirectory, removeFile, replaceFile } from './write-file.ts';

/** The real disk. */
export const diskFiles: FileWriter = {
  read: readWholeFile,
  write: replaceFile,
  remove: removeFile,
  makeDirectory,
};
