import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Bus, TryAgainLater } from '#bus';
import { definitionSeen } from '#contracts';
import { isOutage } from '#storage';
import { Definitions } from './definitions.js';

/** Listens to what servers say of themselves. While the database is away, events wait and nothing is lost. */
@Injectable()
export class DefinitionsConsumer implements OnModuleInit {
  constructor(
    private readonly bus: Bus,
    private readonly definitions: Definitions,
  ) {}

  onModuleInit(): void {
    this.bus.on(definitionSeen, async (event) => {
      try {
        await this.definitions.see(event);
      } catch (error) {
        if (isOutage(error)) throw new TryAgainLater('the database is away', { cause: error });
        throw error;
      }
    });
  }
}
