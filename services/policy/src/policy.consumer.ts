import { Logger } from '@nestjs/common';
import type { Bus } from '#bus';
import {
  callDecided,
  callRequested,
  callResumed,
  catalogDecided,
  catalogListed,
  type DataOf,
  type EventOf,
  grantDecided,
  grantRequested,
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
import { decide, type Decision } from './decide.js';
import { decideGrant, type KnownServers } from './decide-grant.js';
import type { LiveDefinitions } from './live-definitions.js';
import type { LiveGrants } from './live-grants.js';
import { withDefinition } from './pinned.js';
import { isShown, namesOf, reviewOf } from './review.js';
import { judgedDefinition, useOf, visibleOf } from './used-definition.js';

/** How long an allow may be acted on; a review lives as long as its approval may take, and a little more. */
const allowSeconds = 30;
const reviewGraceSeconds = 60;

type Requested = EventOf<typeof callRequested>;
type Asked = DataOf<typeof callRequested> & { readonly approvalId?: string };

/** What is asked, opened: what rules read, and what merely goes along. */
interface OpenedArguments {
  readonly arguments: unknown;
  readonly extras: unknown;
}

/** What judging needs. */
export interface PolicyParts {
  readonly bus: Bus;
  readonly bundles: Bundles;
  readonly signer: Signer;
  /** Opens the sealed arguments. */
  readonly sealer: Sealer;
  readonly grants: LiveGrants;
  readonly definitions: LiveDefinitions;
  readonly servers: () => KnownServers;
}

/** A decision with what only its words need. */
type Judgement = Decision & {
  readonly bundle: string;
  readonly grantIds: readonly string[];
  readonly groupNames: ReadonlyMap<string, string>;
};

/** Judges every call that is requested, and every list that is to be shown. */
export class PolicyConsumer {
  readonly #logger = new Logger('policy');

  constructor(private readonly parts: PolicyParts) {
    const { bus } = parts;
    bus.on(callRequested, async (event) => this.#judge(event));
    bus.on(callResumed, async (event) => this.#judge(event));
    bus.on(grantRequested, async (event) => this.#judgeGrant(event));
    bus.on(catalogListed, async (event) => this.#filter(event));
  }

  /** A call past its deadline is left alone: nobody waits for it any more. */
  async #judge(event: Requested): Promise<void> {
    const now = new Date();
    if (now.getTime() > Date.parse(event.data.deadline)) return;
    await this.parts.definitions.checkCurrent();
    const data: Asked = event.data;
    const decision = this.#decide(data, now);
    const definition = judgedDefinition(data, this.parts.definitions);
    const review = isShown(decision)
      ? reviewOf(data, decision, decision.groupNames, definition)
      : null;
    const verdict = this.#verdict(data, decision, review, now);
    await this.parts.bus.publish(
      callDecided,
      {
        callId: data.callId,
        ingress: data.ingress,
        verdict,
        signature: this.parts.signer.sign('verdict', verdict),
        review,
      },
      event,
    );
  }

  #decide(data: Asked, now: Date): Judgement {
    const bundle = this.parts.bundles.current;
    const opened = this.#open(data);
    const input = { ...data, arguments: opened?.arguments };
    const decision = this.#pinned(
      data,
      opened === undefined ? altered(bundle.mask) : decide(bundle, input),
    );
    const isGrantable = decision.approval?.grant !== undefined;
    const grantIds = isGrantable ? this.parts.grants.covering(bundle, input, now) : [];
    return { ...decision, bundle: bundle.digest, grantIds, groupNames: bundle.groupNames };
  }

  #pinned(data: Asked, decision: Decision): Decision {
    const use = useOf(data);
    if (use === undefined) return decision;
    const { standing } = this.parts.definitions.ofCall(use, data.definition?.digest);
    return withDefinition(decision, use, standing);
  }

  /** Says whether people may be asked for a grant, and whom. */
  async #judgeGrant(event: EventOf<typeof grantRequested>): Promise<void> {
    const bundle = this.parts.bundles.current;
    const { grantId, principal, scope, seconds } = event.data;
    const { rules, ...decision } = decideGrant(bundle, event.data, this.parts.servers());
    const verdict = {
      ...decision,
      grantId,
      tenantId: principal.tenantId,
      objectId: principal.objectId,
      scopeDigest: sha256(canonicalJson({ scope, seconds })),
      bundle: bundle.digest,
      decidedAt: new Date().toISOString(),
    };
    const signature = this.parts.signer.sign('grant', verdict);
    const groupNames = namesOf(decision.approval, bundle.groupNames);
    await this.parts.bus.publish(grantDecided, { verdict, signature, rules, groupNames }, event);
  }

  #verdict(
    data: Asked,
    decision: Judgement,
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
      ...boundTo(data),
      ...(decision.grantIds.length === 0 ? {} : { grantIds: [...decision.grantIds] }),
      ...(decision.breakGlass === null ? {} : { breakGlass: decision.breakGlass }),
      ...(decision.asksPeople === undefined ? {} : { asksPeople: true }),
    };
  }

  /** The arguments, if they are those that the digest names; undefined is a denial. */
  #open(data: Asked): OpenedArguments | undefined {
    try {
      const text = this.parts.sealer.open(data.sealedArguments, data.callId);
      const opened: OpenedArguments = JSON.parse(text);
      return callDigest({ ...data, ...opened }) === data.digest ? opened : undefined;
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      this.#logger.error(`call ${data.callId}: the sealed arguments do not open`);
      return undefined;
    }
  }

  async #filter(event: EventOf<typeof catalogListed>): Promise<void> {
    await this.parts.definitions.checkCurrent();
    const { callId, ingress, part } = event.data;
    const bundle = this.parts.bundles.current;
    const shown = visibleOf(bundle, event.data, this.parts.definitions);
    const data = { callId, ingress, part, ...shown, bundle: bundle.digest };
    await this.parts.bus.publish(catalogDecided, data, event);
  }
}

/** What a verdict may be used for, besides its call. */
function boundTo({ approvalId, definition, joins }: Asked) {
  return {
    ...(definition === undefined ? {} : { definition: definition.digest }),
    ...(approvalId === undefined ? {} : { releases: approvalId }),
    ...(joins === undefined ? {} : { joins }),
  };
}

/** What was sealed is not what was announced. */
function altered(mask: Decision['mask']): Decision {
  return {
    effect: 'deny',
    ruleIds: [],
    rules: [],
    erroredRuleIds: [],
    mask,
    approval: null,
    breakGlass: null,
    hidden: false,
    message: 'The arguments are not those that were announced.',
  };
}
