/**
 * Elements a page may be made of. There is no `style`, and `script` holds nothing: no text can become code.
 */
export type Tag =
  | 'a'
  | 'article'
  | 'body'
  | 'button'
  | 'code'
  | 'dd'
  | 'details'
  | 'dialog'
  | 'div'
  | 'dl'
  | 'dt'
  | 'fieldset'
  | 'footer'
  | 'form'
  | 'h1'
  | 'h2'
  | 'h3'
  | 'head'
  | 'header'
  | 'html'
  | 'input'
  | 'kbd'
  | 'label'
  | 'legend'
  | 'li'
  | 'link'
  | 'main'
  | 'meta'
  | 'nav'
  | 'ol'
  | 'option'
  | 'p'
  | 'pre'
  | 'script'
  | 'section'
  | 'select'
  | 'small'
  | 'span'
  | 'strong'
  | 'summary'
  | 'textarea'
  | 'time'
  | 'title'
  | 'ul';

/** Attributes that are plain text. Handlers (`on…`) and `style` are missing on purpose. */
type PlainAttribute =
  | 'accept-charset'
  | 'autocomplete'
  | 'charset'
  | 'class'
  | 'content'
  | 'datetime'
  | 'for'
  | 'form'
  | 'http-equiv'
  | 'id'
  | 'lang'
  | 'maxlength'
  | 'method'
  | 'name'
  | 'rel'
  | 'role'
  | 'rows'
  | 'tabindex'
  | 'title'
  | 'type'
  | 'value'
  | `aria-${string}`
  | `data-${string}`;
type Switch = 'autofocus' | 'checked' | 'defer' | 'hidden' | 'open' | 'required' | 'selected';
type AddressAttribute = 'action' | 'href' | 'src';

/** Attributes of an element; undefined and false leave one out. */
export type Attributes = { readonly [K in PlainAttribute]?: string | number | undefined } & {
  readonly [K in Switch]?: boolean | undefined;
} & { readonly [K in AddressAttribute]?: string | undefined };

/** What stands in an element. Text stays text, whatever it holds. */
export type Content = Element | string | number | false | null | undefined | readonly Content[];

const voidTags: ReadonlySet<Tag> = new Set<Tag>(['input', 'link', 'meta']);
const emptyTags: ReadonlySet<Tag> = new Set<Tag>(['script']);
/** The parser drops a line feed at the beginning of these, so they are given one to drop. */
const lineTags: ReadonlySet<Tag> = new Set<Tag>(['pre', 'textarea']);
const addresses: ReadonlySet<string> = new Set<AddressAttribute>(['action', 'href', 'src']);

/** A node of a page. Made by {@link h} alone. */
export class Element {
  constructor(
    readonly tag: Tag,
    readonly attributes: Attributes,
    readonly content: readonly Content[],
  ) {}
}

/** An element with its attributes and content. @throws TypeError for content where none may be. */
export function h(tag: Tag, attributes: Attributes, ...content: readonly Content[]): Element {
  const isEmpty = voidTags.has(tag) || emptyTags.has(tag);
  if (isEmpty && content.length > 0) throw new TypeError(`${tag} holds nothing`);
  return new Element(tag, attributes, content);
}

/** The whole document as HTML. @throws TypeError for an address that is neither https nor a path of ours. */
export function render(page: Element): string {
  return `<!doctype html>${markup(page)}`;
}

function markup(content: Content): string {
  if (content === false || content === null || content === undefined) return '';
  if (content instanceof Element) return elementMarkup(content);
  if (typeof content === 'string' || typeof content === 'number') return escaped(content);
  return content.map((each) => markup(each)).join('');
}

function elementMarkup({ tag, attributes, content }: Element): string {
  const start = `<${tag}${attributesMarkup(attributes)}>`;
  if (voidTags.has(tag)) return start;
  return `${start}${lineTags.has(tag) ? '\n' : ''}${markup(content)}</${tag}>`;
}

function attributesMarkup(attributes: Attributes): string {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => {
      if (value === true) return ` ${name}`;
      if (addresses.has(name)) checkAddress(String(value));
      return ` ${name}="${escaped(value ?? '')}"`;
    })
    .join('');
}

/** `javascript:`, `data:` and addresses of nobody known never become links. */
function checkAddress(address: string): void {
  if (/^(\/(?![/\\])|https:\/\/|[?#])/.test(address)) return;
  throw new TypeError('an address must be https or a path of this origin');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Serves text and quoted attribute values alike. */
function escaped(value: string | number | boolean): string {
  return String(value)
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
