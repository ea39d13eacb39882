import { All, Controller, Get, Param, Res, UseFilters, UseGuards } from '@nestjs/common';
import type { Response } from 'express';
import { assetNamed } from './assets.js';
import { EntranceGuard } from './entrance.guard.js';
import { PageFilter } from './page.filter.js';
import { PageRefusal } from './page-refusal.js';

/** The page's own files, and the answer to every address under it that is none. The last of its controllers. */
@Controller('approvals')
@UseGuards(EntranceGuard)
@UseFilters(PageFilter)
export class AssetsController {
  @Get('assets/:name')
  file(@Param('name') name: string, @Res() response: Response): void {
    const asset = assetNamed(name);
    if (asset === undefined) return this.nothing();
    response.set('cache-control', 'public, max-age=31536000, immutable');
    response.type(asset.type).send(asset.text);
  }

  @All('*path')
  nothing(): void {
    throw new PageRefusal('PAGE_NOT_FOUND', 'There is no such page.');
  }
}
