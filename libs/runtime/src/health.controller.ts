import { Controller, Get, Header, HttpCode, HttpException } from '@nestjs/common';
import { collectDefaultMetrics, register } from 'prom-client';

collectDefaultMetrics();

/** Tells whether this process can do its work now: record, read, reach its database. */
export abstract class Readiness {
  abstract isReady(): Promise<boolean>;
}

/** `/livez`, `/readyz`, `/metrics`: for those who run the service. */
@Controller()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('livez')
  live() {
    return { status: 'live' };
  }

  @Get('readyz')
  @HttpCode(200)
  async ready() {
    if (await this.readiness.isReady()) return { status: 'ready' };
    throw new HttpException({ status: 'not ready' }, 503);
  }

  @Get('metrics')
  @Header('content-type', register.contentType)
  async metrics() {
    return register.metrics();
  }
}
