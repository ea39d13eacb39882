import { stopOnSignals } from '#runtime';
import { startMasking } from './start.js';

const service = await startMasking(process.env);
stopOnSignals(service);
process.stdout.write(`ready ${service.url}\n`);
