import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { JavaNode, freePorts, jvmFlags, propertiesOf, type JavaKit } from './java-node.js';
import { javaProgram } from './java-programs.js';

const run = promisify(execFile);
const kafkaVersion = process.env['KAFKA_VERSION'] ?? '4.3.1';
const clusterId = Buffer.from('countersign-test').toString('base64url');
const here = dirname(import.meta.filename);
/** A lock older than this was left behind by a process that is gone. */
const staleLockMs = 5 * 60_000;

/**
 * The kit in the user's cache folder. Made there the first time, in some 20 s: Maven fetches 43 MB, the
 * data folder is formatted, and one broker runs for a moment to write the class archive.
 */
export async function javaKit(): Promise<JavaKit> {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'countersign', `kafka-${kafkaVersion}`);
  const isReady = () => existsSync(join(folder, 'ready'));
  if (!isReady()) {
    await mkdir(dirname(folder), { recursive: true });
    await withLock(`${folder}.lock`, async () => {
      if (!isReady()) await make(folder);
    });
  }
  return kitIn(folder);
}

async function make(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const copyJars = ['dependency:copy-dependencies', '-DincludeScope=runtime'];
  const pom = ['-f', join(here, 'pom.xml'), `-Dkafka.version=${kafkaVersion}`];
  const lib = `-DoutputDirectory=${join(folder, 'lib')}`;
  await run('mvn', ['-B', '-q', ...pom, ...copyJars, lib]);
  const kit = await kitIn(folder);
  await format(kit, folder);
  await archiveClasses(kit, folder);
  await writeFile(
    join(folder, 'ready'),
    'Made by the tests of Countersign; the folder may be deleted.\n',
  );
}

async function kitIn(folder: string): Promise<JavaKit> {
  const names = (await readdir(join(folder, 'lib'))).filter((name) => name.endsWith('.jar'));
  // The class archive is valid for these jars in this order only.
  const jars = names.toSorted().map((name) => join(folder, 'lib', name));
  return {
    classPath: jars.join(':'),
    template: join(folder, 'template'),
    classArchive: join(folder, 'classes.jsa'),
  };
}

async function format(kit: JavaKit, folder: string): Promise<void> {
  const file = join(folder, 'format.properties');
  await writeFile(
    file,
    await propertiesOf({ node: 1, ports: await freePorts(1), data: kit.template }),
  );
  const words = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file];
  await run(javaProgram(), [...jvmFlags, '-cp', kit.classPath, ...words]);
}

async function archiveClasses(kit: JavaKit, folder: string): Promise<void> {
  const node = new JavaNode(kit, join(folder, 'first-run'), { node: 1, ports: await freePorts(1) });
  await node.prepare();
  await node.start([`-XX:ArchiveClassesAtExit=${kit.classArchive}`]);
  await node.stop();
  await node.clean();
}

async function withLock(lock: string, work: () => Promise<void>): Promise<void> {
  for (;;) {
    const isOurs = await mkdir(lock).then(
      () => true,
      () => false,
    );
    if (isOurs) break;
    const ageMs = await stat(lock).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (ageMs > staleLockMs) await rm(lock, { recursive: true, force: true });
    await pause(100);
  }
  try {
    await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}
