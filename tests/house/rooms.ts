/** Rooms of src/ and the rooms each may import from. ARCHITECTURE.md shows those that are built; a test compares. */
export const ROOMS: Record<string, readonly string[]> = {
  core: [],
  host: ['core'],
  schema: ['core'],
  logging: ['core'],
  format: ['core', 'schema'],
  store: ['core', 'format'],
  git: ['core', 'host', 'format', 'store'],
  runners: ['core', 'host', 'schema'],
  modules: ['core', 'schema'],
  catalog: ['core', 'host', 'format', 'store'],
  mailbox: ['core', 'host', 'schema', 'format', 'store', 'git', 'modules', 'catalog'],
  daemon: ['core', 'host', 'schema', 'format', 'store', 'git', 'catalog', 'mailbox', 'runners', 'logging'],
  service: ['core', 'mailbox', 'logging'],
  gateway: ['core', 'mailbox', 'logging'],
  mcp: ['core', 'mailbox', 'logging'],
  client: ['core', 'mailbox'],
  cli: [
    ...[
      'core',
      'host',
      'schema',
      'logging',
      'format',
      'store',
      'git',
      'runners',
      'modules',
      'catalog',
      'mailbox',
      'daemon',
    ],
    ...['service', 'gateway', 'mcp', 'client'],
  ],
  /** The files directly in src/, which is the library's entry. */
  '.': ['core', 'mailbox', 'runners'],
};

/** Packages that one room alone may import. */
export const KEPT_PACKAGES: Record<string, string> = { 'gray-matter': 'format', yaml: 'format' };

/** Packages without I/O that core may import. */
export const PURE_PACKAGES: readonly string[] = ['node-diff3'];

/** Built-in modules that core, which has no I/O, clock or randomness, may import. */
export const PURE_BUILTINS: readonly string[] = ['node:path', 'node:crypto'];
