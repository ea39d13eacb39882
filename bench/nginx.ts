import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { freePort } from '../demo/free-port.js';

/** A proxy that runs beside the bench. */
export interface Proxy {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const startLimitMs = 10_000;

/** Where nginx is; undefined on a machine without it (Debian: `apt-get install nginx-light`). */
export function nginxProgram(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, 'nginx')).find((file) => existsSync(file));
}

/** A bare proxy in front of an upstream: one worker, connections kept, nothing logged. */
export async function startNginx(program: string, folder: string, upstream: URL): Promise<Proxy> {
  const port = await freePort();
  const place = join(folder, 'nginx');
  await mkdir(place);
  await writeFile(join(place, 'nginx.conf'), configuration(place, port, upstream));
  const child = spawn(program, ['-p', place, '-c', join(place, 'nginx.conf')], { stdio: 'ignore' });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}${upstream.pathname}`;
  await answering(url);
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      process.removeListener('exit', kill);
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function configuration(place: string, port: number, upstream: URL): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${place}/${name};`)
    .join('\n');
  return `daemon off;
worker_processes 1;
pid ${place}/nginx.pid;
error_log ${place}/error.log crit;
events { worker_connections 512; }
http {
  access_log off;
${temporary}
  keepalive_requests 1000000;
  upstream bench { server ${upstream.host}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
    }
  }
}
`;
}

async function answering(url: string): Promise<void> {
  for (const limit = Date.now() + startLimitMs; Date.now() < limit;) {
    const isThere = await fetch(url, {
      method: 'POST',
      body: '{"id":1,"params":{"arguments":{}}}',
    }).then(
      async (response) => response.text().then(() => response.ok),
      () => false,
    );
    if (isThere) return;
    await new Promise((resume) => {
      setTimeout(resume, 20);
    });
  }
  throw new Error('nginx did not start');
}
