import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import type { DemoIdentityName } from '../../demo/entra/identities.js';
import type { StandInTeams } from '../../demo/teams/stand-in-teams.js';
import { type PageFaults, watchFaults } from './browser.js';

/** The channel of the demo, as its people see it. */
export const channel = 'Orders owners';

/** Teams on somebody's screen. */
export class TeamsWindow {
  private constructor(
    readonly page: Page,
    readonly watched: PageFaults,
    private readonly context: BrowserContext,
  ) {}

  static async open(
    browser: Browser,
    teams: StandInTeams,
    who: DemoIdentityName,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<TeamsWindow> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const watched = watchFaults(page, [new URL(teams.pageUrl).origin]);
    await page.goto(`${teams.pageUrl}?as=${who}`);
    await page.locator('.conversation').first().waitFor();
    return new TeamsWindow(page, watched, context);
  }

  /** The newest card in a conversation that holds this text; locators look anew each time, so a redrawn card is found. */
  card(conversation: string, text: string): Locator {
    const room = this.page.locator(`[data-conversation="${conversation}"]`);
    return room
      .locator('.message', { hasText: text })
      .filter({ hasNotText: 'Still waiting.' })
      .first();
  }

  /** Its card once it says this. */
  async says(conversation: string, text: string, banner: string): Promise<Locator> {
    const card = this.card(conversation, text);
    try {
      await card.getByText(banner, { exact: true }).waitFor();
    } catch (cause) {
      const shown = await card.innerText({ timeout: 100 }).catch(() => 'nothing');
      throw new Error(`waited for “${banner}”, and saw:\n${shown}`, { cause });
    }
    return card;
  }

  async press(conversation: string, text: string, button: string): Promise<void> {
    await this.card(conversation, text).getByRole('button', { name: button }).click();
  }

  async toast(text: string): Promise<void> {
    await this.page.locator('.toast', { hasText: text }).first().waitFor();
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
