// Links the Node that came along as a platform package, so that npm scripts run on it whatever the host has.
// npm 10 and early 11 make no link where several packages bring the same command. Runs on Node 18 and later.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';

const OLDEST = [24, 15];

const { arch, execPath, platform } = process;
const os = platform === 'win32' ? 'win' : platform;
const suffix = platform === 'win32' ? '.exe' : '';
const family = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node';
const packageName = `${family}-${os}-${arch}`;
const brought = `node_modules/${packageName}/bin/node${suffix}`;
const link = `node_modules/.bin/node${suffix}`;

/** The version a Node binary reports, or why it could not be run. */
function versionOf(binary) {
  const run = spawnSync(binary, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  if (run.status === 0) return run.stdout.trim();
  return `none (${run.error?.message ?? run.stderr.trim()})`;
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

function linkBrought() {
  if (existsSync(link)) return;
  mkdirSync('node_modules/.bin', { recursive: true });
  if (platform === 'win32') copyFileSync(brought, link);
  else symlinkSync(`../${packageName}/bin/node`, link);
}

const broughtVersion = versionOf(brought);
if (isNewEnough(broughtVersion)) linkBrought();
else rmSync(link, { force: true });

const hostVersion = versionOf(execPath);
if (!isNewEnough(broughtVersion) && !isNewEnough(hostVersion)) {
  console.error(
    `Node ${OLDEST.join('.')} or later is needed. Yours is ${hostVersion}; the one in the packages: ${broughtVersion}.`,
  );
  process.exitCode = 1;
}
