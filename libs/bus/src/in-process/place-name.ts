/** How a partition of a topic is named in memory. */
export function placeName(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
