/** A caller's expression, for names of at most 100 characters; undefined: it is none, or could still run long. */
export function patternOf(text: string): RegExp | undefined {
  if (text.length > 100 || /[*+?}]\)?[*+?{]|\)[*+{]/.test(text)) return undefined;
  try {
    return new RegExp(text);
  } catch {
    return undefined;
  }
}
