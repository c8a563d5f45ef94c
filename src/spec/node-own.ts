/**
 * Node's modules, loaded when they are first needed and not by every command, and what lies below some of them.
 *
 * For a command that ends after 50 ms Node's public modules cost more than what they do: hashing, one child process and one
 * socket by them take a `fleet plan` for 20 agents a fifth of its instructions, nearly all of it for compiling code of Node's
 * that runs once (docs/performance.md). What they are made of is there without them, by `process.binding`. That is deprecated
 * (DEP0111) and described nowhere, and asked wrongly it ends the process. So it is used with those releases of Node alone
 * with which all of its uses were tried: a line that has ended and changes no more. With every other, callers take the
 * public module, which does the same; tests run both.
 */

export type Binding = Readonly<Record<string, unknown>>;

/** Tried: 20.19.0 to 20.20.2, the last. */
const TRIED = /^20\.(?:19\.\d|20\.[012])$/;

/** `version`: of Node. Null where it is not to be had, or not to be used. */
export function nodeBinding(name: string, version: string = process.versions.node): Binding | null {
  if (!TRIED.test(version)) return null;
  const { noDeprecation = false } = process as { noDeprecation?: boolean };
  try {
    // Its warning is for people who develop; this is known, and said above.
    Reflect.set(process, 'noDeprecation', true);
    return (process as unknown as { readonly binding: (name: string) => Binding }).binding(name);
  } catch {
    // Denied, as under --experimental-permission.
    return null;
  } finally {
    Reflect.set(process, 'noDeprecation', noDeprecation);
  }
}

interface Loaded {
  'node:child_process': typeof import('node:child_process');
  'node:crypto': typeof import('node:crypto');
  'node:module': typeof import('node:module');
  'node:net': typeof import('node:net');
  'node:v8': typeof import('node:v8');
}

export function nodeModule<Name extends keyof Loaded>(name: Name): Loaded[Name] {
  return process.getBuiltinModule(name) as Loaded[Name];
}
