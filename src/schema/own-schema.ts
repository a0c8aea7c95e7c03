/** The schemas of this package, `schemas/*.json`, read when they are first needed. */
import { readFileSync } from 'node:fs';

export type OwnSchemaName = 'message' | 'config';

/** What the code reads of a schema; the rest is ajv's. */
export interface SchemaNode {
  $ref?: string;
  $comment?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  enum?: unknown[];
  default?: unknown;
  examples?: unknown[];
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  $defs?: Record<string, SchemaNode>;
}

const schemas = new Map<OwnSchemaName, SchemaNode>();

/** `schemas/<name>.schema.json` of the package; `src/schema` and `dist/schema` lie equally deep in it. */
export function readOwnSchema(name: OwnSchemaName): SchemaNode {
  let schema = schemas.get(name);
  if (schema === undefined) {
    schema = JSON.parse(
      readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8'),
    ) as SchemaNode;
    schemas.set(name, schema);
  }
  return schema;
}

/** A node together with what its `$ref` names; its own words come first. */
export function resolveNode(root: SchemaNode, node: SchemaNode): SchemaNode {
  const name = node.$ref?.replace('#/$defs/', '');
  return name === undefined ? node : { ...root.$defs?.[name], ...node };
}
