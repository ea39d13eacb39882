import { inflateSync } from 'node:zlib';
import { strFromU8, unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { appPackage } from './app-package.js';

const settings = {
  appId: 'c0ffee00-0000-4000-8000-000000000001',
  publicUrl: 'https://gateway.example.com',
  version: '1.2.3',
};

function sizeOf(png: Uint8Array): [number, number] {
  const view = Buffer.from(png);
  expect(view.subarray(1, 4).toString('latin1')).toBe('PNG');
  return [view.readUInt32BE(16), view.readUInt32BE(20)];
}

/** Bytes of the picture, behind the one filter byte of each row. */
function pixels(png: Uint8Array): Buffer[] {
  const view = Buffer.from(png);
  const start = view.indexOf('IDAT') + 4;
  const data = inflateSync(view.subarray(start, start + view.readUInt32BE(start - 8)));
  const [width, height] = sizeOf(png);
  const row = width * 4 + 1;
  return Array.from({ length: height }, (_, y) => data.subarray(y * row + 1, (y + 1) * row));
}

test('when the package is made, then it holds manifest and icons, and the bot alone for teams, chats and people', () => {
  const files = unzipSync(appPackage(settings));

  expect(Object.keys(files).toSorted()).toEqual(['color.png', 'manifest.json', 'outline.png']);
  expect(JSON.parse(strFromU8(files['manifest.json'] ?? new Uint8Array()))).toMatchObject({
    manifestVersion: '1.23',
    version: '1.2.3',
    id: settings.appId,
    name: { short: 'Countersign' },
    developer: { websiteUrl: 'https://gateway.example.com/approvals' },
    icons: { color: 'color.png', outline: 'outline.png' },
    bots: [
      {
        botId: settings.appId,
        scopes: ['team', 'personal', 'groupChat'],
        isNotificationOnly: false,
      },
    ],
    validDomains: [],
  });
});

test('when the manifest is read by Teams, then its texts are within its limits', () => {
  const files = unzipSync(appPackage(settings));
  const manifest: { name: Record<string, string>; description: Record<string, string> } =
    JSON.parse(strFromU8(files['manifest.json'] ?? new Uint8Array()));

  expect(manifest.name['short']?.length).toBeLessThanOrEqual(30);
  expect(manifest.name['full']?.length).toBeLessThanOrEqual(100);
  expect(manifest.description['short']?.length).toBeLessThanOrEqual(80);
  expect(manifest.description['full']?.length).toBeLessThanOrEqual(4000);
});

test('when the icons are drawn, then they have the sizes of Teams, and the outline is white on nothing', () => {
  const files = unzipSync(appPackage(settings));
  const [color, outline] = [files['color.png'], files['outline.png']];
  if (color === undefined || outline === undefined) throw new Error('an icon is missing');

  expect(sizeOf(color)).toEqual([192, 192]);
  expect(sizeOf(outline)).toEqual([32, 32]);
  const shades = new Set(
    pixels(outline).flatMap((row) =>
      Array.from({ length: 32 }, (_, x) => row.subarray(x * 4, x * 4 + 4).toString('hex')),
    ),
  );
  expect(shades).toEqual(new Set(['00000000', 'ffffffff']));
});

test('when it is made twice, then it is the same', () => {
  expect(appPackage(settings)).toEqual(appPackage(settings));
});
