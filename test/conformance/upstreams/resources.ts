import { redDot } from './media.js';

/** A resource with a fixed content. */
interface FixedResource {
  readonly uri: string;
  readonly name: string;
  readonly description: string;
  readonly mimeType: string;
  readonly content: { readonly text: string } | { readonly blob: string };
}

/** Resources that are listed. */
export const resources: readonly FixedResource[] = [
  {
    uri: 'test://static-text',
    name: 'static-text',
    description: 'A text.',
    mimeType: 'text/plain',
    content: { text: 'This is the content of the static text resource.' },
  },
  {
    uri: 'test://static-binary',
    name: 'static-binary',
    description: 'An image.',
    mimeType: 'image/png',
    content: { blob: redDot },
  },
  {
    uri: 'test://watched-resource',
    name: 'watched-resource',
    description: 'A text that can be subscribed to.',
    mimeType: 'text/plain',
    content: { text: 'This is the content of the watched resource.' },
  },
];

/** The template that stands for any number of resources. */
export const template = {
  uriTemplate: 'test://template/{id}/data',
  name: 'template',
  description: 'Data by id.',
  mimeType: 'application/json',
};

/** What the template has under an id. */
export function templateContent(uri: string, id: string) {
  const data = { id, templateTest: true, data: `Data for ID: ${id}` };
  return { uri, mimeType: template.mimeType, text: JSON.stringify(data) };
}
