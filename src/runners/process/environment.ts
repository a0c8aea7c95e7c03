/** Environments are built from a list, never inherited: a daemon's own secrets are not for every program it runs. */

/** What any program needs to find its way: paths, language, terminal, proxies and certificates. */
export const BASE_ENVIRONMENT: readonly string[] = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_*', 'TZ', 'TMPDIR', 'TERM', 'XDG_*'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_*'],
  // Windows programs do not start without these.
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'TEMP', 'TMP', 'USERPROFILE', 'USERNAME'],
  ...['APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA', 'PROGRAMFILES'],
];

/**
 * The variables of `from` that `names` lists (a trailing `*` stands for any rest), and `add` over them.
 * Undefined values are left out.
 */
export function buildEnvironment(
  from: NodeJS.ProcessEnv,
  names: readonly string[],
  add: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const fold = (name: string): string => (process.platform === 'win32' ? name.toUpperCase() : name);
  const exact = new Set(names.filter((name) => !name.endsWith('*')).map(fold));
  const prefixes = names.filter((name) => name.endsWith('*')).map((name) => fold(name.slice(0, -1)));
  const built: Record<string, string> = {};
  for (const [name, value] of Object.entries(from)) {
    const key = fold(name);
    if (value !== undefined && (exact.has(key) || prefixes.some((prefix) => key.startsWith(prefix))))
      built[name] = value;
  }
  for (const [name, value] of Object.entries(add)) if (value !== undefined) built[name] = value;
  return built;
}
