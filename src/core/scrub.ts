/**
 * Takes secrets out of text and data before they reach a log or a transcript. Pure, and linear in the length of its
 * input. It looks for forms that are secrets whatever stands around them, so that ordinary text stays as it is; only
 * in data, where a key names the value, does a key such as `password` decide.
 *
 * Text is scrubbed as it is given, and no secret spans two lines. What a stream may cut in two goes through
 * scrub-stream.ts.
 */

/** What stands where a secret was. Scrubbing it again changes nothing. */
export const REDACTED = '[redacted]';

/** Deeper data than this is not copied, so that hostile data cannot overflow the stack. */
const MAX_DEPTH = 200;

// In each pattern what decides stands before what is consumed, so that no secret is swallowed by a match that turns
// out to be harmless; and whatever can be scanned twice is bounded or cannot hold the pattern's beginning.

/** A quoted value ends with its quote, so that a secret may hold spaces; the quotes themselves may be escaped. */
const VALUE =
  /(?!(?:\\?["'])?\[redacted\])(?:(\\")(?:(?!\\")[^\r\n])*\\"|(")(?:[^"\\\r\n]|\\.)*"|(')[^'\r\n]*'|(?:(?:bearer|basic)[ \t]{1,8})?[^\s"'\\`]+|\\?["'][^\s"'\\]+)/
    .source;
/** Any variable of Claude's: `ANTHROPIC_API_KEY=…`, `export MY_ANTHROPIC_URL = "…"`. */
const VARIABLE = new RegExp(`(?<!\\w)(?=\\w*?ANTHROPIC_)(\\w+(?:[ \\t]{1,4}=[ \\t]{0,4}|=))${VALUE}`, 'g');
/** Headers hold spaces; what prints an environment puts them on a line of their own. */
const HEADERS = /(ANTHROPIC_CUSTOM_HEADERS=)(?!\[redacted\])[^\s"'\\][^\r\n"\\]*/g;
const NAMING = /(?:[ \t]{1,4}=[ \t]{0,4}|=|\\?["']?[ \t]{0,4}:[ \t]{0,4}(?=\\?["']|[^\s"']{12}))/.source;
/** After a colon, which prose has too, only the value of a key or a token: `"anthropicApiKey": "…"`. */
const NAMED = new RegExp(
  `(?<!\\w)(?=\\w*?(?:anthropic|claude))(\\w*(?:key|token|secret|password)${NAMING})${VALUE}`,
  'gi',
);
/** `Bearer of bad news` is no secret: a token is long, or has a digit in it. */
const BEARER = /(bearer(?:[ \t]{1,8}|%20|\+))(?:(?=[a-z_.~+/=-]*\d)[\w.~+/=-]{4,}|[\w.~+/=-]{24,})/gi;
const AUTHORIZATION =
  /(authorization\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["']?(?:basic|bearer|token)[ \t]{1,8})[^\s"'\\,;[]+/gi;
const URL_PASSWORD = /(:\/\/[^\s/?#@:"'<>`\\]*:)[^\s/?#"'<>`\\]+@/g;
/** Tokens that carry their kind in front: Claude's, and those of the git hosts a remote's address may hold. */
const MARKED =
  /((?<![a-z])sk-ant-|sk-ant-(?=[\w-]{16})|github_pat_(?=\w{16})|gh[pousr]_(?=\w{16})|glpat-(?=[\w-]{16}))[\w-]+/g;

/** The text with every secret it shows replaced by `[redacted]`. Ordinary text comes back unchanged. */
export function scrub(text: string): string {
  // What names its value first: a token found inside a value would leave the rest of it.
  return text
    .replace(HEADERS, `$1${REDACTED}`)
    .replace(VARIABLE, `$1$2$3$4${REDACTED}$4$3$2`)
    .replace(NAMED, `$1$2$3$4${REDACTED}$4$3$2`)
    .replace(URL_PASSWORD, `$1${REDACTED}@`)
    .replace(AUTHORIZATION, `$1${REDACTED}`)
    .replace(BEARER, `$1${REDACTED}`)
    .replace(MARKED, `$1${REDACTED}`);
}

/**
 * A copy of plain data in which every string and key is scrubbed, and every value below a secret-looking key
 * (`password`, `apiKey`, `auth_token`, …) is `[redacted]`. Counts such as `tokens_in` stay.
 */
export function scrubValue(value: unknown): unknown {
  return scrubAt(value, 0);
}

/** One line of JSON, scrubbed as data, so that it is JSON still. Anything else is scrubbed as text. */
export function scrubJson(line: string): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return scrub(line);
  }
  return JSON.stringify(scrubAt(value, 0));
}

/** Whether a key of data names a secret: `password`, `api_key`, `accessToken`, `Set-Cookie`, … */
export function isSecretKey(key: string): boolean {
  const plain = key.replace(/[^a-z]/gi, '').toLowerCase();
  return /password|passwd|passphrase|secret|credential|apikey|privatekey|accesskey|signingkey|authorization|cookie|token(?!i[sz])/.test(
    plain,
  );
}

function scrubAt(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => scrubAt(item, depth + 1));
  const copy: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    copy.push([scrub(key), isSecretEntry(key, item) ? REDACTED : scrubAt(item, depth + 1)]);
  }
  return Object.fromEntries(copy);
}

function isSecretEntry(key: string, value: unknown): boolean {
  if (value === null || value === undefined || typeof value === 'boolean' || value === '') return false;
  // A bare `key` is a name as often as a secret; the keys that are secrets are long and have no spaces.
  if (key === 'key') return typeof value === 'string' && /^[\w+/=-]{20,}$/.test(value);
  if (typeof value === 'number') return isSecretKey(key) && !/token/i.test(key);
  return isSecretKey(key);
}
