import { sha256 } from '#trust';
import { liveScript } from './assets/live-script.js';
import { pageScript } from './assets/page-script.js';
import { style } from './assets/style.js';

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#17683a"/><path d="M8 17l5 5L24 10" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

/** A file of the page: its text never changes under its name. */
export interface Asset {
  readonly name: string;
  readonly type: string;
  readonly text: string;
}

function asset(stem: string, ending: string, type: string, text: string): Asset {
  return { name: `${stem}-${sha256(text).slice(0, 16)}.${ending}`, type, text };
}

const styleAsset = asset('page', 'css', 'text/css; charset=utf-8', style);
const scriptAsset = asset('page', 'js', 'text/javascript; charset=utf-8', pageScript + liveScript);
const iconAsset = asset('icon', 'svg', 'image/svg+xml; charset=utf-8', icon);

const byName = new Map([styleAsset, scriptAsset, iconAsset].map((each) => [each.name, each]));

/** Where pages find their files. */
export const assetPaths = {
  style: `/approvals/assets/${styleAsset.name}`,
  script: `/approvals/assets/${scriptAsset.name}`,
  icon: `/approvals/assets/${iconAsset.name}`,
} as const;

/** Undefined for a name that is none of ours. */
export function assetNamed(name: string): Asset | undefined {
  return byName.get(name);
}
