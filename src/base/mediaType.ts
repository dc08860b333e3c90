/** A media type, and its parameters with names in lower case. */
export interface MediaType {
  type: string;
  parameters: ReadonlyMap<string, string>;
}

/** Reads a media type, or a range of them, as Content-Type and Accept name it (RFC 9110 8.3.1, 12.5.1). Null when it cannot be read. */
export function readMediaType(text: string): MediaType | null {
  const [, type = '', rest = ''] = /^\s*([\w.+*-]+\/[\w.+*-]+)\s*(.*)$/s.exec(text) ?? [];
  if (type === '') return null;
  const parameters = new Map<string, string>();
  const one = /\s*;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*/gsy;
  let end = 0;
  for (let match = one.exec(rest); match !== null; match = one.exec(rest)) {
    parameters.set(match[1]!.toLowerCase(), match[2]?.replace(/\\(.)/gs, '$1') ?? match[3] ?? '');
    end = one.lastIndex;
  }
  return /^[\s;]*$/.test(rest.slice(end)) ? { type: type.toLowerCase(), parameters } : null;
}
