export {
  ConfigError,
  defaultDefinitions,
  readConfigFile,
  readEnvironment,
  readerTenants,
  type CountersignConfig,
  type DefinitionSettings,
  type HttpServerConfig,
  type ServerConfig,
  type StdioServerConfig,
} from './config-file.js';
export { commonEnvironment, pemVariable, portVariable, sealKeyVariable } from './environment.js';
export { runService } from './run.js';
export { Problem, ProblemFilter, ZodPipe } from './problem.js';
export {
  startService,
  stopOnSignals,
  withLog,
  type RunningService,
  type ServiceSettings,
} from './service.js';
export { checkedTeams, type CheckedTeams } from './teams-settings.js';
export { type OAuthConfig } from './upstream-config.js';
export { WatchedServers, type ServersListener } from './watched-servers.js';
export { entraAuthority, tokenVerifier } from './verifier.js';
