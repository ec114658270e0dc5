/** Where the member that a JSON pointer names stands in the text; good enough to look there. */
export function placeOf(text: string, pointer: string): readonly [number, number] {
  let from = 0;
  let to = 0;
  const segments = pointer.split('/').slice(1);
  for (const segment of segments[0] === 'payload' ? segments.slice(1) : segments) {
    const name = JSON.stringify(segment.replaceAll('~1', '/').replaceAll('~0', '~'));
    const found = text.indexOf(name, to);
    if (found === -1) continue;
    from = found;
    to = found + name.length;
  }
  return [from, to];
}
