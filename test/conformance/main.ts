import { conform } from './conformance.js';

process.exitCode = await conform(process.argv.slice(2));
process.exit();
