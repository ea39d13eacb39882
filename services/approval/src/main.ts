import { runService } from '#runtime';
import { startApproval } from './start.js';

await runService(async () => startApproval(process.env));
