import { Controller, Delete, Get, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { McpEndpoint } from './mcp-endpoint.js';

/** `/mcp/{server}`: MCP over Streamable HTTP. */
@Controller('mcp')
export class McpController {
  constructor(private readonly endpoint: McpEndpoint) {}

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
