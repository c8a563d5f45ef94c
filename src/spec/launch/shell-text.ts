/**
 * Shell text as it is written: backslashes are literal, and `$\{x}` stands for the shell's own `${x}`, which a template
 * would take for itself.
 */
export function shellText(parts: TemplateStringsArray): string {
  return parts.raw.join('').replaceAll('$\\{', '${').replace(/^\n/, '');
}
