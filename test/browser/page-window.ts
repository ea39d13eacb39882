import type { Browser, BrowserContext, Page } from 'playwright-core';
import { demoIdentities, type DemoIdentityName } from '../../demo/entra/identities.js';
import { type PageFaults, watchFaults } from './browser.js';
import type { PeopleWorld } from './people-world.js';

/** The approval page on somebody's screen. */
export class PageWindow {
  private constructor(
    readonly page: Page,
    readonly watched: PageFaults,
    private readonly world: PeopleWorld,
    private readonly context: BrowserContext,
  ) {}

  /** A browser of its own, on which nobody is signed in. */
  static async open(
    browser: Browser,
    world: PeopleWorld,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<PageWindow> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const watched = watchFaults(page, [world.origin, world.signInUrl]);
    return new PageWindow(page, watched, world, context);
  }

  /** Signs in with the mouse and waits until the page is live. */
  async signIn(who: DemoIdentityName, path = '/approvals'): Promise<void> {
    await this.page.goto(`${this.world.origin}${path}`);
    await this.page.getByRole('link', { name: 'Sign in with Microsoft' }).click();
    await this.page.getByRole('link', { name: demoIdentities[who].name }).click();
    await this.page.waitForURL(`${this.world.origin}${path}`);
    await this.live();
  }

  async live(): Promise<void> {
    await this.page.locator('.live[data-state=live]').waitFor();
  }

  /** Waits until the page says this; what is only announced to a screen reader does not count. */
  async says(words: string): Promise<void> {
    await this.page.locator('main').getByText(words).first().waitFor();
  }

  /** Resolves in the very moment in which the page says this: for measuring, where waiting in steps would be too coarse. */
  async appears(words: string): Promise<void> {
    await this.page.evaluate(
      `new Promise((resolve) => {
        const main = document.getElementById('main');
        const look = () => main.textContent.includes(${JSON.stringify(words)}) && resolve();
        new MutationObserver(look).observe(main, { subtree: true, childList: true, characterData: true });
        look();
      })`,
    );
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
