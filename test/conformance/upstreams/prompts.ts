import { redDot } from './media.js';
import { type Content, text, type Words } from './tool.js';

/** A prompt; every argument is required. */
interface Prompt {
  readonly name: string;
  readonly description: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly messages: (words: Words) => readonly Content[];
}

/** Prompts that answer at once. */
export const prompts: readonly Prompt[] = [
  {
    name: 'test_simple_prompt',
    description: 'Without arguments.',
    arguments: {},
    messages: () => [text('This is a simple prompt for testing.')],
  },
  {
    name: 'test_prompt_with_arguments',
    description: 'With two arguments.',
    arguments: { arg1: 'First test argument', arg2: 'Second test argument' },
    messages: ({ arg1, arg2 }) => [
      text(`Prompt with arguments: arg1='${String(arg1)}', arg2='${String(arg2)}'`),
    ],
  },
  {
    name: 'test_prompt_with_embedded_resource',
    description: 'With a resource in it.',
    arguments: { resourceUri: 'URI of the resource to embed' },
    messages: ({ resourceUri }) => [
      {
        type: 'resource',
        resource: {
          uri: String(resourceUri),
          mimeType: 'text/plain',
          text: 'Embedded resource content for testing.',
        },
      },
      text('Please process the embedded resource above.'),
    ],
  },
  {
    name: 'test_prompt_with_image',
    description: 'With an image in it.',
    arguments: {},
    messages: () => [
      { type: 'image', data: redDot, mimeType: 'image/png' },
      text('Please analyze the image above.'),
    ],
  },
];

/** The prompt that asks its user first. */
export const askingPrompt = {
  name: 'test_input_required_result_prompt',
  description: 'Asks for a context first.',
};

/** What a completion of an argument suggests. */
export function completionsOf(value: string): string[] {
  return ['paris', 'park', 'party'].filter((each) => each.startsWith(value));
}
