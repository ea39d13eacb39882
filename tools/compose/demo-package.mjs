// Makes the packages that the demo's stand-ins import dependencies in the package.json of this folder, so
// that an image holds them without all other development dependencies. Run while an image is built.
import { readFileSync, writeFileSync } from 'node:fs';

const wanted = ['@modelcontextprotocol/sdk', '@peculiar/x509'];

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
for (const name of wanted) {
  const version = manifest.dependencies[name] ?? manifest.devDependencies[name];
  if (version === undefined) throw new Error(`package.json does not name ${name}`);
  manifest.dependencies[name] = version;
  delete manifest.devDependencies[name];
}
writeFileSync('package.json', `${JSON.stringify(manifest, null, 2)}\n`);
