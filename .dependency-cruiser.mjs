/** The architecture as rules: what may import what. A new rule is tried with a planted violation. */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'services-never-import-services',
      comment: 'Services talk by events only; standalone is the one process that holds them all.',
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: '^services/standalone/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'libs-never-import-services',
      severity: 'error',
      from: { path: '^libs/', pathNot: '\\.(spec|suite)\\.ts$' },
      to: { path: '^(services|cli|demo|test|bench)/' },
    },
    {
      name: 'product-never-imports-tests',
      severity: 'error',
      from: { path: '^(services|cli)/', pathNot: '\\.(spec|suite)\\.ts$' },
      to: { path: '^(demo|test|bench)/' },
    },
    {
      name: 'libs-only-through-index',
      severity: 'error',
      from: { path: '^(services|libs|cli|demo|test|bench)/([^/]+)' },
      to: { path: '^libs/', pathNot: ['^libs/[^/]+/src/index\\.ts$', '^libs/$2/'] },
    },
    {
      name: 'no-development-dependency-in-the-product',
      severity: 'error',
      from: { path: '^(services|libs|cli)/', pathNot: '\\.(spec|suite)\\.ts$' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'contracts-import-only-zod',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: ['^libs/contracts/', 'node_modules/zod/', '^(node:)?crypto$'] },
    },
    {
      name: 'masking-is-pure',
      comment: 'The engine knows no framework, database, broker or file.',
      severity: 'error',
      from: { path: '^libs/masking/', pathNot: '\\.spec\\.ts$' },
      to: { path: ['node_modules/(@nestjs|typeorm|pg|kafkajs|pino)', '^(node:)?(fs|net|http)'] },
    },
    {
      name: 'decisions-import-no-framework',
      comment: 'A file named decide, approval, chain or bundle is a pure decision.',
      severity: 'error',
      from: { path: '^services/.+/(decide|transitions|chain|catalog)\\.ts$' },
      to: {
        path: [
          'node_modules/(@nestjs|typeorm|pg|kafkajs|pino|rxjs)',
          '^libs/(bus|storage|runtime)/',
        ],
      },
    },
    {
      name: 'kafkajs-only-in-the-bus',
      severity: 'error',
      from: { pathNot: ['^libs/bus/src/kafka/', '^(test|bench)/'] },
      to: { path: 'node_modules/kafkajs' },
    },
    {
      name: 'the-command-line-is-a-client',
      comment:
        'It speaks REST like everybody; of a service it takes pure words and the Teams package alone.',
      severity: 'error',
      from: { path: '^cli/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: ['^services/', '^libs/'],
        pathNot: ['^services/approval/src/(standing-words|visible-text|teams/app-package)\\.ts$'],
      },
    },
    {
      name: 'the-gate-knows-no-mcp',
      severity: 'error',
      from: { path: '^services/ingress/src/gate/' },
      to: { path: '^services/ingress/src/mcp/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    doNotFollow: { path: '^node_modules/' },
    exclude: { path: '^dist/' },
  },
};
