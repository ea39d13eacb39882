import { type DynamicModule, Module } from '@nestjs/common';
import { Bus } from '#bus';
import { Sealer } from '#trust';
import { MaskingConsumer } from './masking.consumer.js';

/** What masking is made with. */
export interface MaskingSettings {
  readonly bus: Bus;
  readonly answersKey: string;
}

/** What leaves of an answer. */
@Module({})
export class MaskingModule {
  static register({ bus, answersKey }: MaskingSettings): DynamicModule {
    const consumer = new MaskingConsumer(bus, new Sealer(answersKey, 'answers'));
    return {
      module: MaskingModule,
      providers: [
        { provide: Bus, useValue: bus },
        { provide: MaskingConsumer, useValue: consumer },
      ],
    };
  }
}
