import type { EntityManager } from 'typeorm';

/** The database's clock: the one that judges. */
export async function clock(work: EntityManager): Promise<Date> {
  const rows: { now: Date }[] = await work.query('select clock_timestamp() as now');
  return rows[0]?.now ?? new Date(Number.NaN);
}
