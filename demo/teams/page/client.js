/* global AdaptiveCards */

const people = document.querySelector('#people');
const conversations = document.querySelector('#conversations');
const toasts = document.querySelector('#toasts');
const dark = matchMedia('(prefers-color-scheme: dark)');
const toastMs = 8000;

/** Whose eyes the page looks through; kept in the address, so that a reload and a second window keep it. */
let me = new URLSearchParams(location.search).get('as') ?? 'approver';
/** Cards as they are drawn, by conversation and message: what has not changed is left alone, with what was typed. */
const drawn = new Map();

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function pair(light, night) {
  return { default: dark.matches ? night : light, subtle: dark.matches ? '#c2c2c2' : '#565656' };
}

function colors() {
  return {
    default: pair('#242424', '#f5f5f5'),
    accent: pair('#4f52b2', '#9299f7'),
    good: pair('#0b6a0b', '#6bbd6b'),
    warning: pair('#8a5300', '#f2b661'),
    attention: pair('#b10e1c', '#f1707b'),
  };
}

function style(light, night) {
  return { backgroundColor: dark.matches ? night : light, foregroundColors: colors() };
}

function hostConfig() {
  return new AdaptiveCards.HostConfig({
    fontFamily: 'inherit',
    supportsInteractivity: true,
    containerStyles: {
      default: style('#ffffff', '#292929'),
      emphasis: style('#f0f0f0', '#333333'),
      accent: style('#e8ebfa', '#2f2f4a'),
      good: style('#e7f2da', '#20381f'),
      warning: style('#fdf3e0', '#4a3a1a'),
      attention: style('#fcf4f6', '#4a2327'),
    },
    actions: { maxActions: 6, actionsOrientation: 'horizontal', buttonSpacing: 8 },
  });
}

function say(text, isTrouble) {
  const toast = element('div', isTrouble ? 'toast trouble' : 'toast', text);
  toasts.append(toast);
  setTimeout(() => toast.remove(), toastMs);
}

async function press(conversation, message, action, frame) {
  frame.setAttribute('aria-busy', 'true');
  const { title, verb, data } = action;
  const body = { as: me, conversation: conversation.id, activity: message.id, title, verb, data };
  try {
    const response = await fetch('/press', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const outcome = await response.json();
    if (outcome.kind === 'toast') say(outcome.text, false);
    if (outcome.kind === 'error') say(outcome.text, true);
    if (outcome.kind === 'broken') say('Unable to reach app. Please try again.', true);
  } catch {
    say('The stand-in does not answer.', true);
  } finally {
    frame.removeAttribute('aria-busy');
    await refresh();
  }
}

function cardOf(conversation, message, frame) {
  const card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = hostConfig();
  card.onExecuteAction = (action) => {
    if (action instanceof AdaptiveCards.OpenUrlAction) open(action.url, '_blank', 'noopener');
    if (action instanceof AdaptiveCards.ExecuteAction && !frame.hasAttribute('aria-busy')) {
      void press(conversation, message, action, frame);
    }
  };
  card.parse(message.card);
  return card.render();
}

function draw(conversation, message) {
  const key = `${me} ${conversation.id} ${message.id}`;
  const text = JSON.stringify([message, dark.matches]);
  const known = drawn.get(key);
  if (known?.text === text) return known.node;
  const node = element('article', message.isReply ? 'message reply' : 'message');
  const changed = message.isUpdated ? ', updated' : '';
  const when = new Date(message.postedAt).toLocaleTimeString();
  node.append(element('div', 'when', `Countersign · ${when}${changed}`));
  const frame = element('div', 'card');
  frame.append(cardOf(conversation, message, frame));
  node.append(frame);
  drawn.set(key, { text, node });
  return node;
}

function drawConversation(conversation) {
  const kinds = { channel: 'channel', groupChat: 'group chat', personal: 'chat with the bot' };
  const section = element('section', 'conversation');
  section.dataset.conversation = conversation.name;
  const heading = element('h2', '', `${conversation.name} `);
  heading.append(element('span', 'kind', kinds[conversation.kind]));
  section.append(heading);
  const newestFirst = conversation.messages.toReversed();
  section.append(...newestFirst.map((message) => draw(conversation, message)));
  if (newestFirst.length === 0) section.append(element('p', 'empty', 'Nothing yet.'));
  return section;
}

let asking;
let isDue = false;
/** One question at a time, so that no older answer is drawn over a newer one; resolves when all is as it is now. */
function refresh() {
  isDue = true;
  asking ??= askOn();
  return asking;
}

async function askOn() {
  try {
    while (isDue) {
      isDue = false;
      await askOnce();
    }
  } finally {
    asking = undefined;
  }
}

async function askOnce() {
  const asked = me;
  const response = await fetch(`/state?as=${encodeURIComponent(asked)}`);
  const current = (await response.json()).conversations;
  if (asked !== me || isDrawn(current)) return;
  conversations.replaceChildren(...current.map((each) => drawConversation(each)));
}

/** The text of what is drawn; as long as it is the same, nothing moves and nobody loses the focus. */
let drawnState = '';
function isDrawn(current) {
  const text = JSON.stringify([me, dark.matches, current]);
  const isSameState = text === drawnState;
  drawnState = text;
  return isSameState;
}

async function choose(key) {
  me = key;
  history.replaceState(null, '', `?as=${encodeURIComponent(key)}`);
  for (const button of people.children) {
    button.setAttribute('aria-pressed', String(button.dataset.person === key));
  }
  await refresh();
}

async function start() {
  const response = await fetch('/people');
  for (const { key, name } of await response.json()) {
    const button = element('button', '', name);
    button.type = 'button';
    button.dataset.person = key;
    button.addEventListener('click', () => void choose(key));
    people.append(button);
  }
  await choose(me);
  dark.addEventListener('change', () => void refresh());
  const events = new EventSource('/events');
  events.addEventListener('message', () => void refresh());
}

await start();
