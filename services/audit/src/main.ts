import { stopOnSignals } from '#runtime';
import { startAudit } from './start.js';

const service = await startAudit(process.env);
stopOnSignals(service);
process.stdout.write(`ready ${service.url}\n`);
