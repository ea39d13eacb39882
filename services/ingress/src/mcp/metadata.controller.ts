import { Controller, Get, Param, UseFilters } from '@nestjs/common';
import { Problem, ProblemFilter } from '#runtime';
import { ResourceMetadata } from './resource-metadata.js';

/** `/.well-known/oauth-protected-resource`: open to everybody (RFC 9728). */
@Controller('.well-known/oauth-protected-resource')
@UseFilters(ProblemFilter)
export class MetadataController {
  constructor(private readonly metadata: ResourceMetadata) {}

  @Get('mcp/:server')
  ofServer(@Param('server') server: string) {
    const document = this.metadata.document(server);
    if (document !== undefined) return document;
    throw new Problem(404, 'SERVER_UNKNOWN', 'No server of this name is configured.');
  }

  /** Of all servers together. */
  @Get('mcp')
  ofAll() {
    const document = this.metadata.document();
    if (document !== undefined) return document;
    throw new Problem(404, 'SERVER_UNKNOWN', 'The servers are not offered together here.');
  }

  /** The root form can describe only one resource: the only server, or none. */
  @Get()
  ofRoot() {
    const document = this.metadata.onlyDocument();
    if (document !== undefined) return document;
    throw new Problem(404, 'SERVER_AMBIGUOUS', 'Ask for the metadata of one server by its path.');
  }
}
