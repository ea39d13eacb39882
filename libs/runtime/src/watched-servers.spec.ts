import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readConfigFile } from './config-file.js';
import { WatchedServers } from './watched-servers.js';

const entra = 'entra: { tenants: [11111111-2222-4333-8444-555555555555], audience: api }\n';
const orders = "servers: { orders: { url: 'https://orders/mcp' } }\n";
let folder: string;
let file: string;
const open: WatchedServers[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-servers-'));
  file = join(folder, 'countersign.yaml');
  writeFileSync(file, entra + orders);
});
afterEach(() => {
  for (const watched of open.splice(0)) watched.close();
  rmSync(folder, { recursive: true });
});

async function watch() {
  const watched = new WatchedServers(readConfigFile(file));
  open.push(watched);
  const heard = { changed: vi.fn(), refused: vi.fn(), later: vi.fn() };
  await watched.watch(heard);
  return { watched, heard };
}
const soon = { timeout: 5000 };

test('when servers change, then they are told and in force, and nothing else is said', async () => {
  const { heard, watched } = await watch();
  writeFileSync(file, `${entra}servers: { files: { command: [files] } }\n`);

  await vi.waitFor(() => expect(heard.changed).toHaveBeenCalledOnce(), soon);
  expect(Object.keys(watched.current)).toEqual(['files']);
  expect(heard.later).not.toHaveBeenCalled();
});

test('when servers change after the file was read, but before it is watched, then they are told', async () => {
  const watched = new WatchedServers(readConfigFile(file));
  open.push(watched);
  writeFileSync(file, `${entra}servers: { files: { command: [files] } }\n`);
  const changed = vi.fn();

  await watched.watch({ changed, refused: vi.fn(), later: vi.fn() });

  await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce(), soon);
  expect(Object.keys(watched.current)).toEqual(['files']);
});

test('when the changed file has a mistake, then the servers stay, and come right when it does', async () => {
  const { heard, watched } = await watch();
  writeFileSync(file, `${entra}servers: { orders: { url: 7 } }\n`);

  await vi.waitFor(() => expect(heard.refused).toHaveBeenCalledOnce(), soon);
  expect(Object.keys(watched.current)).toEqual(['orders']);
  writeFileSync(file, `${entra}servers: {}\n`);
  await vi.waitFor(() => expect(heard.changed).toHaveBeenCalledOnce(), soon);
  expect(watched.current).toEqual({});
});

test('when the file is gone, then the servers stay', async () => {
  const { heard, watched } = await watch();
  rmSync(file);

  await vi.waitFor(() => expect(heard.refused).toHaveBeenCalledOnce(), soon);
  expect(Object.keys(watched.current)).toEqual(['orders']);
});

test('when something else changes, then it is said that it waits', async () => {
  const { heard } = await watch();
  writeFileSync(file, `${entra}${orders}policies: ./others\n`);

  await vi.waitFor(() => expect(heard.later).toHaveBeenCalledOnce(), soon);
  expect(heard.changed).not.toHaveBeenCalled();
});
