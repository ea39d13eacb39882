import { stopOnSignals } from '#runtime';
import { startIngress } from './start.js';

const service = await startIngress(process.env);
stopOnSignals(service);
process.stdout.write(`ready ${service.url}\n`);
