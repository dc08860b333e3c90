const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR' };

/** A line of the log as a person reads it on a terminal: time of day, level, part, message, fields. What is no JSON object stays as it is. */
export function readableLine(line: string): string {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof entry !== 'object' || entry === null) return line;
  const { level, time, component, msg, error, ...fields } = entry as Record<string, unknown>;
  const at = new Date(String(time)).toLocaleTimeString('sv-SE');
  const head = [
    at,
    (LEVELS[Number(level)] ?? String(level)).padEnd(5),
    component === undefined ? '' : `${text(component)}:`,
  ];
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${text(value)}`);
  return `${[...head, text(msg), ...rest, errorText(error)].filter((word) => word !== '').join(' ')}\n`;
}

/** Our own errors say what to do; of others only the name is in the log. */
function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { message, name, code } = error as Record<string, unknown>;
  return `(${(message === undefined ? [name, code] : [message])
    .filter((word) => word !== undefined)
    .map(text)
    .join(' ')})`;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
