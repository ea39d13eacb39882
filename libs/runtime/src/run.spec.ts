import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { listeningPort } from '../../../demo/listening-port.js';
import { readConfigFile } from './config-file.js';
import { explanationOf } from './run.js';

const caught = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test('when the configuration is wrong, then the message is all that is said', () => {
  const error = caught(() => readConfigFile('/nowhere/countersign.yaml'));

  expect(explanationOf(error)).toMatch(
    /^\/nowhere\/countersign\.yaml cannot be read: ENOENT[^\n]*$/,
  );
});

test('when the port is taken, then the setting is named', async () => {
  const first = createServer().listen(0, '127.0.0.1');
  const second = createServer();
  second.listen(await listeningPort(first), '127.0.0.1');
  const [error] = await once(second, 'error');
  first.close();

  expect(explanationOf(error)).toContain('set COUNTERSIGN_PORT');
});

test('when nobody foresaw the error, then it is shown with its stack', () => {
  expect(explanationOf(new Error('odd'))).toMatch(/Error: odd\n\s+at /);
});
