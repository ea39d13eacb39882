import { Logger } from '@nestjs/common';
import type { Bus } from '#bus';
import { callAnswered, callMasked, type DataOf, type EventOf, toChunks } from '#contracts';
import { type Json, maskProfileSchema, MaskingError, maskValue } from '#masking';
import { sealContext, type Sealer, SealBrokenError } from '#trust';
import { AnswerChunks } from './answer-chunks.js';

type Answered = DataOf<typeof callAnswered>;

/** What may leave of a part: its masked text, or nothing and why. */
type Outcome =
  | { readonly content: string; readonly counts: Record<string, number>; readonly withheld: null }
  | { readonly withheld: { readonly code: string; readonly message: string } };

/** Opens every part of an answer, masks it, and publishes what the client may see. */
export class MaskingConsumer {
  readonly #logger = new Logger('masking');
  readonly #chunks = new AnswerChunks();

  constructor(
    private readonly bus: Bus,
    private readonly answersSealer: Sealer,
  ) {
    bus.on(callAnswered, async (event) => this.#mask(event));
  }

  /** A part that cannot be masked is withheld, never passed on (law 4). */
  async #mask(event: EventOf<typeof callAnswered>): Promise<void> {
    const { data } = event;
    const sealed = this.#chunks.add(data);
    if (sealed === undefined) return;
    const outcome = this.#outcome(data, sealed);
    const texts = outcome.withheld === null ? toChunks(outcome.content) : [''];
    for (const [chunk, content] of texts.entries()) {
      await this.bus.publish(
        callMasked,
        {
          callId: data.callId,
          ingress: data.ingress,
          part: data.part,
          last: data.last,
          chunk,
          chunks: texts.length,
          content,
          counts: outcome.withheld === null ? outcome.counts : {},
          withheld: outcome.withheld,
        },
        event,
      );
    }
  }

  #outcome(data: Answered, sealed: string): Outcome {
    try {
      const context = sealContext(data.callId, data.part, data.last, data.mask);
      const text = this.answersSealer.open(sealed, context);
      const profile = maskProfileSchema.parse(data.mask);
      const answer: Json = JSON.parse(text);
      const { value, counts } = maskValue(answer, profile);
      return { content: JSON.stringify(value), counts, withheld: null };
    } catch (error) {
      const code = codeOf(error);
      // Never the error's text: it may quote the answer.
      this.#logger.error(`call ${data.callId}: part ${data.part} is withheld: ${code}`);
      return { withheld: { code, message: 'the answer could not be masked' } };
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof MaskingError || error instanceof SealBrokenError
    ? error.code
    : 'MASK_FAILED';
}
