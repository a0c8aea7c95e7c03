import fc from 'fast-check';
import { createSpec, type ServicePlatform, type ServiceSpec } from '../../src/service/spec.js';

/** Folder names that mean something to a unit, a shell, XML or a file name pattern. */
export const HOSTILE = [
  'plain',
  'with space',
  'two  spaces',
  '50% of %h %n %%',
  'a "quoted" one',
  "it's",
  '$HOME ${PATH} $$',
  'back\\slash \\n \\x41',
  'ends in back\\',
  'ünïcödé 日本 🎉',
  '[brackets] * ?',
  '<tag> & &amp; ]]>',
  ';',
  '-dash --',
  '#hash = @at : + !',
  '`tick` | > < ( )',
];

export const folder = fc.oneof(
  fc.constantFrom(...HOSTILE),
  // No control characters, which are refused, and no slash.
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((name) => !/[\p{Cc}\p{Cs}\ufffe\uffff/]/u.test(name)),
);

export function specFor(
  platform: ServicePlatform,
  names: string[],
  more: Partial<Parameters<typeof createSpec>[0]> = {},
): ServiceSpec {
  const [root = 'r', home = 'h', bin = 'b'] = names;
  return createSpec({
    root: `/${root}/x`,
    platform,
    environment: {
      HOME: `/${home}/y`,
      PATH: `/usr/bin:/${bin}:relative:/a/node_modules/.bin`,
      USERDOMAIN: 'D&D',
      USERNAME: 'me',
    },
    node: `/${bin}/node`,
    main: `/${home}/main.js`,
    grace: 90_000,
    ...more,
  });
}
