import { stopOnSignals } from '#runtime';
import { startPolicy } from './start.js';

const service = await startPolicy(process.env);
stopOnSignals(service);
process.stdout.write(`ready ${service.url}\n`);
