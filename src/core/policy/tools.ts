/**
 * Tool patterns as the Claude CLI takes them: `Read`, `Bash(git log:*)`, `mcp__github__search`, `mcp__github`.
 * The question is only ever whether all that one pattern permits is permitted by another; in doubt, no.
 */

interface ToolPattern {
  name: string;
  /** What stands in the parentheses. */
  spec: string | undefined;
}

function parseTool(text: string): ToolPattern | undefined {
  // No second parenthesis: the CLI splits its list there, and "Bash(git:*) Write" would smuggle one in.
  const match = /^([A-Za-z][A-Za-z0-9_.-]*\*?)(?:\(([^()]+)\))?$/.exec(text);
  return match?.[1] === undefined ? undefined : { name: match[1], spec: match[2] };
}

/** Whether everything that tool pattern `asked` permits, `allowed` permits too. */
export function coversTool(allowed: string, asked: string): boolean {
  if (allowed === '*') return true;
  if (asked === '*') return false;
  const outer = parseTool(allowed);
  const inner = parseTool(asked);
  if (outer === undefined || inner === undefined) return false;
  if (outer.name !== inner.name) return outer.spec === undefined && coversName(outer.name, inner.name);
  if (outer.spec === undefined) return true;
  return (
    inner.spec !== undefined &&
    (outer.spec === inner.spec || (outer.name === 'Bash' && coversCommand(outer.spec, inner.spec)))
  );
}

/** `mcp__github` covers each tool of that server, and `mcp__github__*` says the same. */
function coversName(outer: string, inner: string): boolean {
  if (outer.endsWith('*')) {
    const prefix = outer.slice(0, -1);
    return inner.startsWith(prefix) || (prefix.endsWith('__') && inner === prefix.slice(0, -2));
  }
  return /^mcp__[^_*]+(?:_[^_*]+)*$/.test(outer) && inner.startsWith(`${outer}__`);
}

/** `git:*` covers `git log:*` and `git status`. Only for plain words: what a shell would read otherwise stays out. */
function coversCommand(outer: string, inner: string): boolean {
  if (!outer.endsWith(':*')) return false;
  const prefix = outer.slice(0, -2);
  const command = inner.endsWith(':*') ? inner.slice(0, -2) : inner;
  return /^[A-Za-z0-9 _./=@-]+$/.test(command) && (command === prefix || command.startsWith(`${prefix} `));
}
