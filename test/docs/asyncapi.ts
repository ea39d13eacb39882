import { z } from 'zod';
import {
  contracts,
  deadLetterTopic,
  type EventContract,
  partitionsPerTopic,
  type Retention,
  topics,
} from '#contracts';

/** `countersign.call.requested.v1` as an identifier: dots are not allowed in component names. */
const nameOf = (type: string): string => type.replaceAll('.', '_');

const envelopeSchema = (contract: EventContract): object => ({
  type: 'object',
  required: [
    'specversion',
    'id',
    'source',
    'subject',
    'type',
    'time',
    'datacontenttype',
    'correlationid',
    'data',
  ],
  properties: {
    specversion: { const: '1.0' },
    id: {
      type: 'string',
      format: 'uuid',
      description: 'Derived from the cause and the type; a repeat has the same.',
    },
    source: { const: `/countersign/${contract.publishedBy}` },
    subject: { type: 'string', description: 'Equals the record key.' },
    type: { const: contract.type },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    correlationid: { type: 'string' },
    causationid: { type: 'string' },
    data: dataSchema(contract),
  },
});

function dataSchema(contract: EventContract): object {
  const { $schema: _, ...schema } = z.toJSONSchema(contract.data, {
    target: 'draft-7',
    io: 'input',
  });
  return schema;
}

function topicConfiguration(retention: Retention): object {
  if (retention.kind === 'delete') {
    return { 'cleanup.policy': ['delete'], 'retention.ms': retention.milliseconds };
  }
  return retention.milliseconds === undefined
    ? { 'cleanup.policy': ['compact'] }
    : { 'cleanup.policy': ['compact', 'delete'], 'retention.ms': retention.milliseconds };
}

function channelOf(topic: string, retention: Retention): object {
  const own = contracts.filter((contract) => contract.topic === topic);
  return {
    address: topic,
    description: `Written by ${own[0]?.publishedBy} alone. What cannot be handled goes to ${deadLetterTopic(topic)}.`,
    messages: Object.fromEntries(
      own.map(({ type }) => [nameOf(type), { $ref: `#/components/messages/${nameOf(type)}` }]),
    ),
    bindings: {
      kafka: {
        topic,
        partitions: partitionsPerTopic,
        topicConfiguration: topicConfiguration(retention),
        bindingVersion: '0.5.0',
      },
    },
  };
}

/** The AsyncAPI 3.1 document of all events, made from the contracts alone. */
export function asyncApiDocument(): object {
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Countersign events',
      version: '1.0.0',
      description:
        'Everything that the services tell each other: CloudEvents 1.0, structured mode, on Kafka.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/cloudevents+json',
    channels: Object.fromEntries(
      Object.entries(topics).map(([topic, retention]) => [
        nameOf(topic),
        channelOf(topic, retention),
      ]),
    ),
    operations: Object.fromEntries(
      contracts.map(({ publishedBy, topic, type }) => [
        `${publishedBy}_sends_${nameOf(type)}`,
        {
          action: 'send',
          channel: { $ref: `#/channels/${nameOf(topic)}` },
          messages: [{ $ref: `#/channels/${nameOf(topic)}/messages/${nameOf(type)}` }],
        },
      ]),
    ),
    components: {
      messages: Object.fromEntries(
        contracts.map((contract) => [
          nameOf(contract.type),
          {
            name: contract.type,
            contentType: 'application/cloudevents+json',
            bindings: { kafka: { key: { type: 'string' }, bindingVersion: '0.5.0' } },
            payload: envelopeSchema(contract),
          },
        ]),
      ),
    },
  };
}
