import { runService } from '#runtime';
import { startAudit } from './start.js';

await runService(async () => startAudit(process.env));
