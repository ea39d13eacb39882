import { Logger } from '@nestjs/common';
import type { Bus } from '#bus';
import {
  callDecided,
  callRequested,
  catalogDecided,
  catalogListed,
  type DataOf,
  type EventOf,
  type Verdict,
} from '#contracts';
import {
  callDigest,
  canonicalJson,
  type Sealer,
  SealBrokenError,
  sha256,
  type Signer,
} from '#trust';
import type { Bundles } from './bundles.js';
import { decide, type Decision, visible } from './decide.js';

/** How long an allow may be acted on; a review lives as long as its approval may take, and a little more. */
const allowSeconds = 30;
const reviewGraceSeconds = 60;

type Requested = EventOf<typeof callRequested>;

/** What is asked, opened: what rules read, and what merely goes along. */
interface OpenedArguments {
  readonly arguments: unknown;
  readonly extras: unknown;
}

/** Judges every call that is requested, and every list that is to be shown. */
export class PolicyConsumer {
  readonly #logger = new Logger('policy');

  constructor(
    private readonly bus: Bus,
    private readonly bundles: Bundles,
    private readonly signer: Signer,
    private readonly argumentsSealer: Sealer,
  ) {
    bus.on(callRequested, async (event) => this.#judge(event));
    bus.on(catalogListed, async (event) => this.#filter(event));
  }

  /** A call past its deadline is left alone: nobody waits for it any more. */
  async #judge(event: Requested): Promise<void> {
    const now = new Date();
    if (now.getTime() > Date.parse(event.data.deadline)) return;
    const { data } = event;
    const decision = this.#decide(data);
    const review = decision.effect === 'review' ? reviewOf(data) : null;
    const verdict = this.#verdict(data, decision, review, now);
    await this.bus.publish(
      callDecided,
      {
        callId: data.callId,
        ingress: data.ingress,
        verdict,
        signature: this.signer.sign('verdict', verdict),
        review,
      },
      event,
    );
  }

  #decide(data: DataOf<typeof callRequested>): Decision & { readonly bundle: string } {
    const bundle = this.bundles.current;
    const opened = this.#open(data);
    const decision =
      opened === undefined
        ? altered(bundle.mask)
        : decide(bundle, { ...data, arguments: opened.arguments });
    return { ...decision, bundle: bundle.digest };
  }

  #verdict(
    data: DataOf<typeof callRequested>,
    decision: Decision & { readonly bundle: string },
    review: DataOf<typeof callDecided>['review'],
    now: Date,
  ): Verdict {
    const lifeSeconds =
      decision.approval === null
        ? allowSeconds
        : decision.approval.expiresAfterSeconds + reviewGraceSeconds;
    return {
      callId: data.callId,
      digest: data.digest,
      tenantId: data.principal.tenantId,
      objectId: data.principal.objectId,
      server: data.server,
      method: data.method,
      resource: data.resource,
      effect: decision.effect,
      ruleIds: [...decision.ruleIds],
      erroredRuleIds: [...decision.erroredRuleIds],
      mask: { ...decision.mask, floor: decision.mask.floor ?? {} },
      approval: decision.approval,
      hidden: decision.hidden,
      message: decision.message,
      reviewDigest: review === null ? null : sha256(canonicalJson(review)),
      bundle: decision.bundle,
      decidedAt: now.toISOString(),
      notAfter: new Date(now.getTime() + lifeSeconds * 1000).toISOString(),
    };
  }

  /** The arguments, if they are those that the digest names; undefined is a denial. */
  #open(data: DataOf<typeof callRequested>): OpenedArguments | undefined {
    try {
      const text = this.argumentsSealer.open(data.sealedArguments, data.callId);
      const opened: OpenedArguments = JSON.parse(text);
      return callDigest({ ...data, ...opened }) === data.digest ? opened : undefined;
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      this.#logger.error(`call ${data.callId}: the sealed arguments do not open`);
      return undefined;
    }
  }

  async #filter(event: EventOf<typeof catalogListed>): Promise<void> {
    const { callId, ingress, part, resources, ...input } = event.data;
    const facts = { action: 'execute' as const, objects: [], complete: false };
    const bundle = this.bundles.current;
    const shown = visible(bundle, { ...input, facts }, resources);
    const data = { callId, ingress, part, visible: shown, bundle: bundle.digest };
    await this.bus.publish(catalogDecided, data, event);
  }
}

function reviewOf(data: DataOf<typeof callRequested>) {
  const { principal, protocol, facts, maskedArguments } = data;
  const { tenantId, objectId, displayName, clientApp, kind } = principal;
  return {
    requester: { tenantId, objectId, displayName },
    requesterKind: kind,
    clientApp,
    protocol,
    facts,
    maskedArguments,
  };
}

/** What was sealed is not what was announced. */
function altered(mask: Decision['mask']): Decision {
  return {
    effect: 'deny',
    ruleIds: [],
    erroredRuleIds: [],
    mask,
    approval: null,
    hidden: false,
    message: 'The arguments are not those that were announced.',
  };
}
