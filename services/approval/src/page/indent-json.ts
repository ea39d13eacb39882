/**
 * JSON text with line feeds and two spaces for each level. Only white space outside of strings changes: numbers of
 * any size, repeated keys and escapes stay as they were signed, which parsing and writing again would not promise.
 * What is no JSON comes out with its words untouched too.
 */
export function indentJson(text: string): string {
  let depth = 0;
  const line = (): string => `\n${'  '.repeat(Math.min(depth, deepest))}`;
  return text.replace(tokens, (token) => {
    switch (token) {
      case '{}':
      case '[]':
        return token;
      case '{':
      case '[':
        depth += 1;
        return `${token}${line()}`;
      case '}':
      case ']':
        depth = Math.max(0, depth - 1);
        return `${line()}${token}`;
      case ',':
        return `,${line()}`;
      case ':':
        return ': ';
      default:
        return token.startsWith('"') ? token : '';
    }
  });
}

/** Strings (an open one runs to the end), empty pairs, structure, and white space between. */
const tokens = /"(?:[^"\\]|\\[^])*(?:"|$)|\{\}|\[\]|[{}[\],:]|[ \t\r\n]+/g;
const deepest = 40;
