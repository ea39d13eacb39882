/** Where a record was sent. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/**
 * The records whose partition is not among the receipts: they were **never sent**, although the send
 * resolved. kafkajs keeps the answers of one send by broker, so when a retry finds that a partition has
 * moved to a broker that has answered already, it leaves that partition out.
 */
export function withoutReceipt<R extends object>(
  records: readonly R[],
  placeOf: (record: R) => Place | undefined,
  receipts: readonly Place[],
): R[] {
  const received = new Set(receipts.map(nameOf));
  return records.filter((record) => {
    const place = placeOf(record);
    return place === undefined || !received.has(nameOf(place));
  });
}

function nameOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}
