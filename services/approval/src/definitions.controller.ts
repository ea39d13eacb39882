import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { Request } from 'express';
import { z } from 'zod';
import { definitionKindSchema, definitionNameSchema, digestSchema } from '#contracts';
import { BearerGuard, principalOf } from '#identity';
import { ProblemFilter, ZodPipe } from '#runtime';
import { answered } from './approval-answers.js';
import { type Definition, stateOf } from './definition.js';
import { DefinitionDesk } from './definition-desk.js';
import { storable } from './storable.js';

const serverSchema = storable.min(1).max(200);
const listSchema = z.strictObject({
  state: z.enum(['accepted', 'held']).optional(),
  server: serverSchema.optional(),
  kind: definitionKindSchema.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1000).optional(),
});
const placeSchema = z.object({
  server: serverSchema,
  kind: definitionKindSchema,
  /** Instructions have none. */
  name: definitionNameSchema.default(''),
});
const acceptanceSchema = z.strictObject({ ...placeSchema.shape, digest: digestSchema });

/** What servers say of their tools, and what of it is accepted. */
@Controller('v1/definitions')
@UseGuards(BearerGuard)
@UseFilters(ProblemFilter)
export class DefinitionsController {
  constructor(private readonly desk: DefinitionDesk) {}

  @Get()
  async page(
    @Req() request: Request,
    @Query(new ZodPipe(listSchema)) query: z.infer<typeof listSchema>,
  ): Promise<object> {
    const page = await answered(async () => this.desk.page(principalOf(request), query));
    return { definitions: page.definitions.map((each) => shown(each)), next: page.next };
  }

  /** With the masked copies of the latest and of the accepted one. */
  @Get([':server/:kind', ':server/:kind/:name'])
  async one(
    @Req() request: Request,
    @Param(new ZodPipe(placeSchema)) place: z.infer<typeof placeSchema>,
  ): Promise<object> {
    const found = await answered(async () => this.desk.one(principalOf(request), place));
    const { acceptedCopy, latestCopy } = found;
    return {
      ...shown(found),
      latestDefinition: JSON.parse(latestCopy),
      acceptedDefinition: acceptedCopy === null ? null : JSON.parse(acceptedCopy),
    };
  }

  /** Accepts the latest, if that is the one with this digest. */
  @Post('accept')
  @HttpCode(200)
  async accept(
    @Req() request: Request,
    @Body(new ZodPipe(acceptanceSchema)) body: z.infer<typeof acceptanceSchema>,
  ): Promise<object> {
    const { digest, ...place } = body;
    return shown(await answered(async () => this.desk.accept(principalOf(request), place, digest)));
  }
}

function shown(definition: Definition): object {
  const { acceptedCopy: _accepted, latestCopy: _latest, seq: _seq, ...rest } = definition;
  return { ...rest, state: stateOf(definition) };
}
