import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { z } from 'zod';

/** Pictures of what the tests saw, and what they measured; not kept in the repository. */
const artefactFolder = 'test-results/browser';

const usualPlaces = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Starts a headless Chromium: the one of `CHROMIUM_PATH`, else one from a usual place. @throws Error where there is none */
export async function launchChromium(): Promise<Browser> {
  const given = process.env['CHROMIUM_PATH'];
  const executablePath = given ?? usualPlaces.find((path) => existsSync(path));
  if (executablePath === undefined || !existsSync(executablePath)) {
    throw new Error(
      `No Chromium at ${given ?? usualPlaces.join(', ')}: install one (Debian: apt-get install chromium), ` +
        'or name the program of a Chromium or Chrome in CHROMIUM_PATH.',
    );
  }
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Keeps a picture of the whole page, or of a part of it, under this name. */
export async function picture(shown: Page | Locator, name: string): Promise<void> {
  mkdirSync(artefactFolder, { recursive: true });
  const path = join(artefactFolder, `${name}.png`);
  if ('goto' in shown) await shown.screenshot({ path, fullPage: true });
  else await shown.screenshot({ path });
}

/** Keeps a picture for the guide, of what fits on the screen; `docs/pictures/` has copies of some day. */
export async function guidePicture(shown: Page | Locator, name: string): Promise<void> {
  const folder = join(artefactFolder, 'guide');
  mkdirSync(folder, { recursive: true });
  await shown.screenshot({ path: join(folder, `${name}.png`) });
}

/** Keeps a figure beside the pictures, in `figures.json`. */
export function figure(name: string, value: unknown): void {
  mkdirSync(artefactFolder, { recursive: true });
  const path = join(artefactFolder, 'figures.json');
  const known = existsSync(path) ? readFileSync(path, 'utf8') : '{}';
  const figures = { ...z.record(z.string(), z.unknown()).parse(JSON.parse(known)), [name]: value };
  writeFileSync(path, `${JSON.stringify(figures, null, 2)}\n`);
}

/** What went wrong in a page that nobody wants to miss: script errors, violations of the content policy, dialogs. */
export interface PageFaults {
  readonly faults: readonly string[];
  /** Addresses of other origins that the page asked for. */
  readonly foreign: readonly string[];
}

/** Notes faults and foreign requests of a page from now on. `origins` are those that it may ask. */
export function watchFaults(page: Page, origins: readonly string[]): PageFaults {
  const faults: string[] = [];
  const foreign: string[] = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/content security policy|trusted ?type/i.test(message.text())) {
      faults.push(`policy: ${message.text()}`);
    }
  });
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith('data:') && !origins.includes(new URL(url).origin)) foreign.push(url);
  });
  return { faults, foreign };
}
