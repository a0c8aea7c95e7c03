export { openCatalog, type Catalog, type CatalogOptions, type ToRecord } from './catalog.js';
export type { Identity } from './lock.js';
export type { ListFilter, Listing } from './query.js';
export type { FolderEntry, FolderListing } from './reconcile.js';
export type { CatalogRecord } from './record.js';
export type { CatalogStats, Spending, StateCounts, Times } from './stats.js';
