import { setTimeout as pause } from 'node:timers/promises';
import { redDot, silence } from './media.js';
import { type Content, type PlainTool, text } from './tool.js';

const noArguments = { type: 'object', properties: {} } as const;
const image: Content = { type: 'image', data: redDot, mimeType: 'image/png' };

/** Tools that return the same whenever they are called. */
const constantTools: readonly PlainTool[] = [
  constant('test_simple_text', 'Returns a text.', [
    text('This is a simple text response for testing.'),
  ]),
  constant('test_image_content', 'Returns an image.', [image]),
  constant('test_audio_content', 'Returns a sound.', [
    { type: 'audio', data: silence, mimeType: 'audio/wav' },
  ]),
  constant('test_embedded_resource', 'Returns a resource.', [
    {
      type: 'resource',
      resource: {
        uri: 'test://embedded-resource',
        mimeType: 'text/plain',
        text: 'This is an embedded resource content.',
      },
    },
  ]),
  constant('test_multiple_content_types', 'Returns a text, an image and a resource.', [
    text('Multiple content types test:'),
    image,
    {
      type: 'resource',
      resource: {
        uri: 'test://mixed-content-resource',
        mimeType: 'application/json',
        text: JSON.stringify({ test: 'data', value: 123 }),
      },
    },
  ]),
];

const workingTools: readonly PlainTool[] = [
  {
    name: 'test_tool_with_logging',
    description: 'Logs what it does.',
    inputSchema: noArguments,
    run: async (client) => {
      await client.log('Tool execution started');
      await pause(50);
      await client.log('Tool processing data');
      await pause(50);
      await client.log('Tool execution completed');
      return [text('Logged three times.')];
    },
  },
  {
    name: 'test_logging_tool',
    description: 'Logs to clients that want it.',
    inputSchema: noArguments,
    run: async (client) => {
      await client.log('Only for those who asked for it');
      return [text('Logged, if that was wanted.')];
    },
  },
  {
    name: 'test_tool_with_progress',
    description: 'Shows its progress.',
    inputSchema: noArguments,
    run: async (client) => {
      for (const done of [0, 50, 100]) {
        if (done > 0) await pause(50);
        await client.progress(done, 100);
      }
      return [text('All of it is done.')];
    },
  },
  {
    name: 'test_error_handling',
    description: 'Fails.',
    inputSchema: noArguments,
    run: async () =>
      Promise.reject(new Error('This tool intentionally returns an error for testing')),
  },
  {
    name: 'test_reconnection',
    description: 'Breaks off its stream before it answers.',
    inputSchema: noArguments,
    run: async (client) => {
      await pause(100);
      client.closeStream();
      await pause(200);
      return [text('Answered after the stream was closed.')];
    },
  },
  {
    name: 'test_trigger_tool_change',
    description: 'Tells everybody that the list of tools has changed.',
    inputSchema: noArguments,
    run: async (client) => {
      await client.toolsChanged();
      return [text('Told.')];
    },
  },
  {
    name: 'test_trigger_prompt_change',
    description: 'Tells everybody that the list of prompts has changed.',
    inputSchema: noArguments,
    run: async (client) => {
      await client.promptsChanged();
      return [text('Told.')];
    },
  },
];

const toolsWithArguments: readonly PlainTool[] = [
  {
    name: 'json_schema_2020_12_tool',
    description: 'Describes its arguments with more of JSON Schema than most.',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      // oxlint-disable-next-line unicorn/no-thenable
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    run: async (_, words) => [text(`Described: ${JSON.stringify(words)}`)],
  },
  {
    name: 'greet',
    description: 'Greets, at once.',
    inputSchema: { type: 'object', properties: { name: { type: 'string' } } },
    run: async (_, { name }) => [text(`Hello, ${String(name)}!`)],
  },
  {
    name: 'test_mirrored_argument',
    description: 'Has an argument that requests repeat in a header.',
    inputSchema: {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
    },
    run: async (_, { region }) => [text(`The region is ${String(region)}.`)],
  },
];

/** Tools that answer by themselves, in the call itself. */
export const callTools = [...constantTools, ...workingTools, ...toolsWithArguments];

function constant(name: string, description: string, content: readonly Content[]): PlainTool {
  return { name, description, inputSchema: noArguments, run: async () => content };
}
