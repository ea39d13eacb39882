import { runService } from '#runtime';
import { startIngress } from './start.js';

await runService(async () => startIngress(process.env));
