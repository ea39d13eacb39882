import { crc32, deflateSync } from 'node:zlib';

/** A colour with its opacity, 0 to 255 each. */
export type Pixel = readonly [red: number, green: number, blue: number, alpha: number];

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A square PNG, 8 bits a channel with opacity (PNG specification, third edition). */
export function squarePng(size: number, pixelAt: (x: number, y: number) => Pixel): Buffer {
  const rows = Array.from({ length: size }, (_row, y) =>
    // Each row begins with its filter: none.
    [0, ...Array.from({ length: size }, (_column, x) => pixelAt(x, y)).flat()],
  );
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows.flat()))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** True on a check mark that fills a square of this size. */
export function isOnCheckMark(x: number, y: number, size: number): boolean {
  const [across, down] = [x / size, y / size];
  const thickness = 0.07;
  const left = distance(across, down, [0.24, 0.52], [0.42, 0.7]);
  const right = distance(across, down, [0.42, 0.7], [0.76, 0.32]);
  return Math.min(left, right) < thickness;
}

type Point = readonly [x: number, y: number];

/** From a point to a line between two others. */
function distance(x: number, y: number, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
  const part = Math.min(Math.max(along, 0), 1);
  return Math.hypot(x - (ax + part * dx), y - (ay + part * dy));
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
