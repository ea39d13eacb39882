import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const oldestJava = 17;

/** The Java that brokers run on. */
export function javaProgram(): string {
  const home = process.env['JAVA_HOME'];
  return home ? `${home}/bin/java` : 'java';
}

/** What is missing to run a broker from jars, as a sentence; undefined when nothing is. */
export async function missingForJava(): Promise<string | undefined> {
  const version = await run(javaProgram(), ['-version']).then(
    ({ stderr }) => Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0),
    () => 0,
  );
  if (version < oldestJava) {
    return `Java ${oldestJava} or later is not in PATH nor in JAVA_HOME (Debian: apt-get install openjdk-17-jre-headless maven).`;
  }
  const hasMaven = await run('mvn', ['-version']).then(
    () => true,
    () => false,
  );
  return hasMaven ? undefined : 'Maven (mvn) is not in PATH (Debian: apt-get install maven).';
}
