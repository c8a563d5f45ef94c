/** `session-missing` as reasons of conditions are written: `SessionMissing`. */
export function camel(text: string): string {
  return text.replace(/(?:^|-)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
