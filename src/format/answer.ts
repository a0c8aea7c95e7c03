/** The answer of a message as programs take it: text, or the value that an `output_schema` asked for. */

export interface Answer {
  /** Without the fence, where it is one fenced block of JSON. */
  result: string;
  /** The value of that block; undefined for an answer in text. */
  structured_output?: unknown;
}

const OPEN = '```json\n';
const CLOSE = '\n```';

/** What a result section says. */
export function readAnswer(section: string): Answer {
  const text = section.replaceAll('\r\n', '\n');
  if (!text.startsWith(OPEN) || !text.endsWith(CLOSE)) return { result: section };
  const json = text.slice(OPEN.length, -CLOSE.length);
  try {
    return { result: json, structured_output: JSON.parse(json) as unknown };
  } catch {
    return { result: section };
  }
}

/** The section again, as it stands in the file. */
export function renderAnswer({ result, structured_output: value }: Answer): string {
  return value === undefined ? result : OPEN + result + CLOSE;
}
