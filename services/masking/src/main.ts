import { runService } from '#runtime';
import { startMasking } from './start.js';

await runService(async () => startMasking(process.env));
