import type {
  approvalRequested,
  callApproved,
  callDecided,
  callExpired,
  callMasked,
  callRefused,
  catalogDecided,
  EventOf,
} from '#contracts';

/** Everything another service can tell a call that waits at the gate. */
export interface GateEvents {
  readonly decided: EventOf<typeof callDecided>;
  readonly asked: EventOf<typeof approvalRequested>;
  readonly approved: EventOf<typeof callApproved>;
  readonly refused: EventOf<typeof callRefused>;
  readonly expired: EventOf<typeof callExpired>;
  readonly masked: EventOf<typeof callMasked>;
  readonly listed: EventOf<typeof catalogDecided>;
}

type Kind = keyof GateEvents;

/** One event with its kind. */
export type GateEvent = { [K in Kind]: { readonly kind: K; readonly event: GateEvents[K] } }[Kind];

/** Nothing came in time, or nobody waits any more. */
export class WaitEnded extends Error {
  override readonly name = 'WaitEnded';
  constructor(readonly reason: 'timeout' | 'aborted') {
    super(reason);
  }
}

interface Wanted {
  readonly accepts: (event: GateEvent) => boolean;
  readonly resolve: (event: GateEvent) => void;
}

/** The events of one call, in the order they came, until somebody asks for them. */
export class Waiter {
  #arrived: GateEvent[] = [];
  #wanted: Wanted[] = [];

  /** Takes an event: for whoever waits for it, else kept. */
  deliver(event: GateEvent): void {
    const index = this.#wanted.findIndex((each) => each.accepts(event));
    const [wanted] = index < 0 ? [] : this.#wanted.splice(index, 1);
    if (wanted === undefined) this.#arrived.push(event);
    else wanted.resolve(event);
  }

  /** The first event that `accepts` takes. @throws WaitEnded after `timeoutMs`, or when `signal` aborts. */
  async next(
    accepts: (event: GateEvent) => boolean,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<GateEvent> {
    if (signal?.aborted) throw new WaitEnded('aborted');
    const index = this.#arrived.findIndex(accepts);
    const [arrived] = index < 0 ? [] : this.#arrived.splice(index, 1);
    if (arrived !== undefined) return arrived;
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#wanted = this.#wanted.filter((each) => each !== wanted);
      };
      const giveUp = (reason: WaitEnded['reason']): void => {
        end();
        reject(new WaitEnded(reason));
      };
      const onAbort = (): void => giveUp('aborted');
      const wanted: Wanted = {
        accepts,
        resolve: (event) => {
          end();
          resolve(event);
        },
      };
      const timer = setTimeout(() => giveUp('timeout'), timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#wanted.push(wanted);
    });
  }
}

/** The calls that wait at this ingress. Memory only: what is lost with the process was never forwarded. */
export class Waiters {
  readonly #byCall = new Map<string, Waiter>();

  get size(): number {
    return this.#byCall.size;
  }

  /** Opens the waiter of a new call. */
  open(callId: string): Waiter {
    const waiter = new Waiter();
    this.#byCall.set(callId, waiter);
    return waiter;
  }

  close(callId: string): void {
    this.#byCall.delete(callId);
  }

  /** Hands an event to its call; an event of a call that nobody waits for is dropped. */
  deliver(event: GateEvent): void {
    this.#byCall.get(event.event.data.callId)?.deliver(event);
  }
}
