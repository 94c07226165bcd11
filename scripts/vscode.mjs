/**
 * Packs the extension for VS Code: `node scripts/vscode.mjs` writes editors/vscode/dist/mdl-VERSION.vsix, a zip of the extension's
 * files and two manifests that say what it is. The client and the language server are bundled, so nothing is installed with it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { strToU8, zipSync } from 'fflate';
import { noticesOf } from './notices.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'editors/vscode');
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
/** what is in the package as it is in the repository */
const FILES = [
  'package.json',
  'README.md',
  'language-configuration.json',
  'syntaxes/mdl.generated.json',
  'snippets/mdl.json',
];

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: { extension: 'editors/vscode/src/extension.ts', server: 'editors/vscode/src/server.ts' },
  outdir: 'editors/vscode/dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  external: ['vscode'],
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true,
  write: false,
  logLevel: 'warning',
});

const files = {
  '[Content_Types].xml': strToU8(contentTypes()),
  'extension.vsixmanifest': strToU8(vsixManifest()),
  'extension/LICENSE.txt': readFileSync(join(root, 'LICENSE')),
  'extension/THIRD-PARTY-NOTICES.txt': strToU8(noticesOf(root, Object.keys(metafile.inputs))),
};
for (const name of FILES) files[`extension/${name}`] = readFileSync(join(folder, name));
for (const { path, contents } of outputFiles) files[`extension/dist/${path.split(/[/\\]/).at(-1)}`] = contents;

const target = join(folder, 'dist', `mdl-${manifest.version}.vsix`);
mkdirSync(join(folder, 'dist'), { recursive: true });
// the same sources give the same bytes
const zipped = zipSync(files, { level: 9, mtime: new Date('2000-01-01T00:00:00') });
writeFileSync(target, zipped);
console.log(`editors/vscode/dist/mdl-${manifest.version}.vsix ${(zipped.length / 1024).toFixed(0)} KiB`);

function contentTypes() {
  const types = {
    json: 'application/json',
    cjs: 'application/javascript',
    md: 'text/markdown',
    txt: 'text/plain',
    vsixmanifest: 'text/xml',
  };
  const rows = Object.entries(types).map(([name, type]) => `<Default Extension=".${name}" ContentType="${type}"/>`);
  return `<?xml version="1.0" encoding="utf-8"?>\n<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">${rows.join('')}</Types>\n`;
}

function vsixManifest() {
  const { name, publisher, version, displayName, description, categories, engines } = manifest;
  return `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${name}" Version="${version}" Publisher="${publisher}"/>
    <DisplayName>${displayName}</DisplayName>
    <Description xml:space="preserve">${description}</Description>
    <Tags>mdl,__ext_mdl</Tags>
    <Categories>${categories.join(',')}</Categories>
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value="${engines.vscode}"/>
      <Property Id="Microsoft.VisualStudio.Code.ExtensionKind" Value="workspace"/>
    </Properties>
    <License>extension/LICENSE.txt</License>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.License" Path="extension/LICENSE.txt" Addressable="true"/>
  </Assets>
</PackageManifest>
`;
}
