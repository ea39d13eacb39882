import { callAskingTools } from './asking-tools.js';
import { callTools } from './plain-tools.js';
import { askingTaskTools, plainTaskTools } from './task-tools.js';
import type { AskingTool, PlainTool } from './tool.js';

/** Every tool that answers by itself. */
export const plainTools: readonly PlainTool[] = [...callTools, ...plainTaskTools];

/** Every tool that asks its client before it answers. */
export const askingTools: readonly AskingTool[] = [...callAskingTools, ...askingTaskTools];
