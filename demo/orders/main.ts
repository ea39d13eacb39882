import { z } from 'zod';
import { portVariable, readEnvironment, stopOnSignals } from '#runtime';
import { startOrdersServer } from './orders-server.js';

const environment = readEnvironment(
  z.object({
    NODE_ENV: z
      .string()
      .refine((value) => value !== 'production', {
        message: 'this is a sample with invented customers and must not run in production',
      })
      .optional(),
    DEMO_ORDERS_HOST: z.string().min(1).default('127.0.0.1'),
    DEMO_ORDERS_PORT: portVariable(8090),
    /** What the gateway must present; a client never sees it. */
    DEMO_ORDERS_TOKEN: z.string().min(1),
  }),
  process.env,
);

const orders = await startOrdersServer({
  host: environment.DEMO_ORDERS_HOST,
  port: environment.DEMO_ORDERS_PORT,
  token: environment.DEMO_ORDERS_TOKEN,
});
stopOnSignals(orders);
process.stdout.write(`ready ${orders.url}\n`);
