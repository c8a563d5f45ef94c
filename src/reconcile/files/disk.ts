import type { FileWriter } from '../ports.ts';
import { appendLines } from './append-file.ts';
import { readWholeFile } from './read-file.ts';
import { makeDirectory, removeFile, replaceFile } from './write-file.ts';

/** The real disk. */
export const diskFiles: FileWriter = {
  read: readWholeFile,
  write: replaceFile,
  append: appendLines,
  remove: removeFile,
  makeDirectory,
};
