import { strToU8, zipSync } from 'fflate';
import { isOnCheckMark, type Pixel, squarePng } from './icon.js';

/** Whose app it is. */
export interface AppPackageSettings {
  /** Of the bot; the app in Teams goes by the same id. */
  readonly appId: string;
  /** Origin of the gateway: the home of the approval page. */
  readonly publicUrl: string;
  /** Of the package, `1.0.0`; Teams takes an update only with a higher one. */
  readonly version: string;
}

const green: Pixel = [0x1b, 0x5e, 0x4b, 255];
const white: Pixel = [255, 255, 255, 255];
const nothing: Pixel = [0, 0, 0, 0];
const colorSize = 192;
const outlineSize = 32;
/** The same package for the same settings, so that it can be compared. */
const packedAt = new Date('2026-01-01T12:00:00Z');

/**
 * The zip that an administrator uploads to Teams: manifest and icons. The app holds the bot alone, for teams, chats and
 * people, and asks for no permission.
 */
export function appPackage(settings: AppPackageSettings): Uint8Array {
  const color = squarePng(colorSize, (x, y) => (isOnCheckMark(x, y, colorSize) ? white : green));
  const outline = squarePng(outlineSize, (x, y) =>
    isOnCheckMark(x, y, outlineSize) ? white : nothing,
  );
  const files = {
    'manifest.json': strToU8(`${JSON.stringify(manifest(settings), null, 2)}\n`),
    'color.png': new Uint8Array(color),
    'outline.png': new Uint8Array(outline),
  };
  return zipSync(files, { mtime: packedAt });
}

function manifest({ appId, publicUrl, version }: AppPackageSettings): object {
  const home = new URL('/approvals', publicUrl).href;
  return {
    $schema:
      'https://developer.microsoft.com/en-us/json-schemas/teams/v1.23/MicrosoftTeams.schema.json',
    manifestVersion: '1.23',
    version,
    id: appId,
    developer: {
      name: 'Countersign',
      websiteUrl: home,
      privacyUrl: home,
      termsOfUseUrl: home,
    },
    name: { short: 'Countersign', full: 'Countersign approvals' },
    description: {
      short: 'Asks the right people to sign calls of tools.',
      full: 'Countersign posts a card when a call of a tool waits for a signature. The people who are asked approve it once, approve it for a time where the rule allows that, or deny it with a reason. Every copy of the card shows how it ended.',
    },
    icons: { color: 'color.png', outline: 'outline.png' },
    accentColor: '#1B5E4B',
    bots: [
      {
        botId: appId,
        scopes: ['team', 'personal', 'groupChat'],
        isNotificationOnly: false,
        supportsFiles: false,
      },
    ],
    validDomains: [],
  };
}
