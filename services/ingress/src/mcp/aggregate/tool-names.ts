/** Stands between the name of a server and that of its tool; no name of a server holds it or ends with a part of it. */
const separator = '__';

/** A tool among those of all servers. */
export interface ToolPlace {
  readonly server: string;
  readonly tool: string;
}

/** The name under which a tool is offered together with those of other servers. */
export function joinedName({ server, tool }: ToolPlace): string {
  return `${server}${separator}${tool}`;
}

/** Where a tool is that was called by its joined name; undefined for a name that is none. */
export function placeOf(name: string): ToolPlace | undefined {
  const at = name.indexOf(separator);
  if (at <= 0) return undefined;
  return { server: name.slice(0, at), tool: name.slice(at + separator.length) };
}
