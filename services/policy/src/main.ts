import { runService } from '#runtime';
import { startPolicy } from './start.js';

await runService(async () => startPolicy(process.env));
