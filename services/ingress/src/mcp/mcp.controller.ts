import { Controller, Delete, Get, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AggregateEndpoint } from './aggregate/aggregate-endpoint.js';
import { McpEndpoint } from './mcp-endpoint.js';

/** `/mcp/{server}`, and `/mcp` for all servers together: MCP over Streamable HTTP. */
@Controller('mcp')
export class McpController {
  constructor(
    private readonly endpoint: McpEndpoint,
    private readonly aggregate: AggregateEndpoint,
  ) {}

  @Post()
  async postToAll(@Req() request: Request, @Res() response: Response) {
    await this.aggregate.handle('POST', { request, response });
  }

  @Get()
  async getOfAll(@Req() request: Request, @Res() response: Response) {
    await this.aggregate.handle('GET', { request, response });
  }

  @Delete()
  async deleteOfAll(@Req() request: Request, @Res() response: Response) {
    await this.aggregate.handle('DELETE', { request, response });
  }

  @Post(':server')
  async post(@Param('server') server: string, @Req() request: Request, @Res() response: Response) {
    await this.endpoint.handle('POST', server, request, response);
  }

  @Get(':server')
  async get(@Param('server') server: string, @Req() request: Request, @Res() response: Response) {
    await this.endpoint.handle('GET', server, request, response);
  }

  @Delete(':server')
  async delete(
    @Param('server') server: string,
    @Req() request: Request,
    @Res() response: Response,
  ) {
    await this.endpoint.handle('DELETE', server, request, response);
  }
}
