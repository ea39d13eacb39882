export { openDatabase, type DatabaseSettings } from './database.js';
export { isOutage } from './outage.js';
export type { RowOf } from './row.js';
