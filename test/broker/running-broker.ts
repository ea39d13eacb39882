/** What to start. */
export interface BrokerOptions {
  /** Brokers in the cluster; from three on, records have three copies and two must be written. Default 1. */
  readonly nodes?: number;
  /** Client port of the first node, the others two above each other. Default: free ones. */
  readonly port?: number;
  /** Broker properties to add or replace. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** A running cluster of Apache Kafka. Nodes count from 1; without a number an action means all of them. */
export interface Broker {
  /** Bootstrap addresses. */
  readonly brokers: readonly string[];
  /** Copies that a topic can have. */
  readonly replicationFactor: number;
  /** Ends it at once, as a crash does. */
  kill(node?: number): Promise<void>;
  /** Ends it in good order. */
  stop(node?: number): Promise<void>;
  /** Starts again what was killed or stopped, on its old data; resolves when it is up. */
  resume(node?: number): Promise<void>;
  /** Lets it hang: connections stay, nothing is answered. */
  freeze(node?: number): Promise<void>;
  thaw(node?: number): Promise<void>;
  /** Ends it and removes its data. May be called twice. */
  clean(): Promise<void>;
}
