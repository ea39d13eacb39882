import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
  type PipeTransform,
} from '@nestjs/common';
import type { Response } from 'express';
import { z } from 'zod';

/** An error that a REST caller is told: RFC 9457 with a stable code. */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly status: number,
    /** Never renamed, never reused. */
    readonly code: string,
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail}`, options);
  }
}

const httpBodySchema = z.object({ code: z.string(), detail: z.string() }).partial();

/** Answers every error of a REST route as `application/problem+json`; the cause goes to the log, never to the caller. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const problem = asProblem(error);
    if (problem.status >= 500) this.#logger.error(error);
    response
      .status(problem.status)
      .type('application/problem+json')
      .send(
        JSON.stringify({
          type: 'about:blank',
          title: problem.code,
          status: problem.status,
          code: problem.code,
          detail: problem.detail,
        }),
      );
  }
}

/** Reads a body, query or parameter with a schema; what does not fit is a 400 that names the place. */
export class ZodPipe<T> implements PipeTransform<unknown, T> {
  constructor(private readonly schema: z.ZodType<T>) {}

  transform(value: unknown): T {
    const parsed = this.schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const detail = parsed.error.issues
      .map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`)
      .join('; ');
    throw new Problem(400, 'REQUEST_INVALID', detail);
  }
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HttpException) {
    const body = httpBodySchema.safeParse(error.getResponse());
    const code = body.data?.code ?? `HTTP_${error.getStatus()}`;
    return new Problem(error.getStatus(), code, body.data?.detail ?? error.message);
  }
  const status = bodyParserStatus(error);
  if (status !== undefined)
    return new Problem(status, 'REQUEST_INVALID', 'The body cannot be read.');
  return new Problem(500, 'INTERNAL', 'Something went wrong on our side; it is in the log.');
}

/** body-parser marks its errors with the status that the caller earned. */
function bodyParserStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
