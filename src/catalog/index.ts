export { openCatalog, type Catalog } from './catalog.js';
export type { ListFilter } from './query.js';
export type { CatalogRecord } from './record.js';
export type { CatalogStats, StateCounts } from './stats.js';
