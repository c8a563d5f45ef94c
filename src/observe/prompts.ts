/** Trust, login and permission prompts on the screens of runtimes that have them. None are known yet. */
export function findPrompt(_runtime: string, _screen: readonly string[]): { id: string; text: string } | null {
  return null;
}

export function hasPrompts(_runtime: string): boolean {
  return false;
}
