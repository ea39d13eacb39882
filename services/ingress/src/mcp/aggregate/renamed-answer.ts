import type { AnswerPart, Mark } from '../../gate/call.js';
import type { RunAnswer } from '../call-runner.js';
import type { JsonObject } from '../message.js';
import type { UpstreamReply } from '../upstream.js';
import { withServer } from './questions.js';

/** The answer of one server to a client of all: what it asks names it, and its session is not the client's. */
export class RenamedAnswer implements RunAnswer {
  constructor(
    private readonly answer: RunAnswer,
    private readonly server: string,
  ) {}

  expect(reply: UpstreamReply): void {
    this.answer.expect(reply, undefined);
  }

  async release(part: AnswerPart): Promise<void> {
    // No stream is taken up again here: its id would be of one server's session.
    const { content, last } = part;
    await this.answer.release({ content: withServer(content, this.server), last });
  }

  mark(_mark: Mark): void {
    // Likewise.
  }

  progress(token: string | number, message: string): void {
    this.answer.progress(token, message);
  }

  tell(message: JsonObject): void {
    this.answer.tell(message);
  }
}
