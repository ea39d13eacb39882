import type { Plan } from './inspection.js';

/** Everything that @modelcontextprotocol/server-everything offers, each at least once. */
export const everythingPlan: Plan = {
  calls: [
    { name: 'echo', arguments: { message: 'hello ü 😀' } },
    { name: 'echo', arguments: {} },
    { name: 'get-annotated-message', arguments: { messageType: 'error', includeImage: true } },
    { name: 'get-annotated-message', arguments: { messageType: 'success' } },
    { name: 'get-env', arguments: {} },
    { name: 'get-resource-links', arguments: { count: 4 } },
    { name: 'get-resource-reference', arguments: { resourceType: 'Text', resourceId: 2 } },
    { name: 'get-resource-reference', arguments: { resourceType: 'Blob', resourceId: 1 } },
    { name: 'get-structured-content', arguments: { location: 'Chicago' } },
    { name: 'get-sum', arguments: { a: 1.5, b: -3 } },
    { name: 'get-tiny-image', arguments: {} },
    {
      name: 'gzip-file-as-resource',
      arguments: {
        name: 'a.txt.gz',
        data: 'data:text/plain;base64,aGVsbG8=',
        outputType: 'resource',
      },
    },
    { name: 'toggle-simulated-logging', arguments: {} },
    { name: 'toggle-simulated-logging', arguments: {} },
    { name: 'toggle-subscriber-updates', arguments: {} },
    { name: 'toggle-subscriber-updates', arguments: {} },
    {
      name: 'trigger-long-running-operation',
      arguments: { duration: 0.4, steps: 4 },
      progress: true,
    },
    { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 2 } },
    { name: 'get-roots-list', arguments: {} },
    { name: 'trigger-elicitation-request', arguments: {} },
    {
      name: 'trigger-url-elicitation',
      arguments: { url: 'https://a.example/b', elicitationId: 'e1' },
    },
    { name: 'trigger-sampling-request', arguments: { prompt: 'say something', maxTokens: 10 } },
    { name: 'simulate-research-query', arguments: { topic: 'gates' } },
    { name: 'no-such-tool', arguments: {} },
  ],
  resources: [
    ...[
      'architecture',
      'extension',
      'features',
      'how-it-works',
      'instructions',
      'startup',
      'structure',
    ].map((name) => `demo://resource/static/document/${name}.md`),
    'demo://resource/dynamic/text/3',
    'demo://resource/dynamic/blob/3',
    'demo://resource/none',
  ],
  prompts: [
    { name: 'simple-prompt' },
    { name: 'args-prompt', arguments: { city: 'Bern', state: 'BE' } },
    { name: 'args-prompt', arguments: {} },
    { name: 'completable-prompt', arguments: { department: 'Engineering', name: 'Alice' } },
    { name: 'resource-prompt', arguments: { resourceType: 'Text', resourceId: '1' } },
    { name: 'none' },
  ],
  completions: [
    {
      ref: { type: 'ref/prompt', name: 'completable-prompt' },
      argument: { name: 'department', value: 'E' },
    },
    {
      ref: { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' },
      argument: { name: 'resourceId', value: '1' },
    },
  ],
};

/** Everything that @modelcontextprotocol/server-filesystem offers, in a folder of its own. */
export const filesystemPlan = (folder: string): Plan => ({
  calls: [
    { name: 'list_allowed_directories', arguments: {} },
    { name: 'list_directory', arguments: { path: folder } },
    { name: 'list_directory_with_sizes', arguments: { path: folder, sortBy: 'size' } },
    { name: 'directory_tree', arguments: { path: folder } },
    { name: 'read_file', arguments: { path: `${folder}/a.txt` } },
    { name: 'read_text_file', arguments: { path: `${folder}/a.txt`, head: 1 } },
    { name: 'read_media_file', arguments: { path: `${folder}/dot.png` } },
    {
      name: 'read_multiple_files',
      arguments: { paths: [`${folder}/a.txt`, `${folder}/none.txt`] },
    },
    { name: 'search_files', arguments: { path: folder, pattern: '**/*.txt' } },
    { name: 'get_file_info', arguments: { path: `${folder}/a.txt` } },
    { name: 'write_file', arguments: { path: `${folder}/b.txt`, content: 'written\n' } },
    {
      name: 'edit_file',
      arguments: { path: `${folder}/b.txt`, edits: [{ oldText: 'written', newText: 'edited' }] },
    },
    { name: 'create_directory', arguments: { path: `${folder}/new` } },
    {
      name: 'move_file',
      arguments: { source: `${folder}/b.txt`, destination: `${folder}/new/c.txt` },
    },
    { name: 'read_text_file', arguments: { path: `${folder}/new/c.txt` } },
    { name: 'read_text_file', arguments: { path: '/etc/passwd' } },
  ],
  resources: [],
  prompts: [],
  completions: [],
});
