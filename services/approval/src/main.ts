import { stopOnSignals } from '#runtime';
import { startApproval } from './start.js';

const service = await startApproval(process.env);
stopOnSignals(service);
process.stdout.write(`ready ${service.url}\n`);
