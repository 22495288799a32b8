// build.mjs - makes one file of the page, as C for rolecall: node build.mjs MODULES OUTPUT.c
//
// Scripts, styles and the font go into the page, with the licences of what is in it. The policy for the browser lets
// just these run, by their digests, and nothing reach the network. The page is cut where @POLICY@ and @DATA@ stand: there
// rolecall puts that policy (a live page may ask rolecall itself, too) and the data of a report.
import {createHash} from 'node:crypto';
import {existsSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

const here = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname);
const modules = resolve(process.argv[2]);
const output = process.argv[3];
const esbuild = await import(pathToFileURL(createRequire(join(modules, 'x.js')).resolve('esbuild')));

const options = {
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    legalComments: 'none',
    charset: 'utf8',
    target: ['chrome109', 'firefox115', 'safari16.4'],
    nodePaths: [modules],
    absWorkingDir: here,
    logLevel: 'error',
    loader: {'.woff2': 'dataurl'},
    outdir: 'unused',
};
const script = await esbuild.build({...options, entryPoints: ['src/main.js'], format: 'iife'});
const style = await esbuild.build({...options, entryPoints: ['style/page.css']});

// Each package that gave something to the file, with its licence.
function licences() {
    const names = new Set();
    for (const input of [...Object.keys(script.metafile.inputs), ...Object.keys(style.metafile.inputs)]) {
        const found = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
        if (found) {
            names.add(found[1]);
        }
    }
    return [...names].sort().map((name) => {
        const about = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
        const file = readdirSync(join(modules, name)).find((f) => /^licen[cs]e/i.test(f));
        const text =
            file && existsSync(join(modules, name, file)) ? readFileSync(join(modules, name, file), 'utf8').trim() : '';
        return {name, version: about.version, licence: about.license, text};
    });
}

const digest = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
// Only the end of an element could end it early; JSON and CSS have other ways to write it.
const inside = (text) => text.trim().replaceAll('</', '<\\/');
const parts = {
    SCRIPT: inside(script.outputFiles[0].text),
    STYLE: inside(style.outputFiles[0].text),
    LICENCES: inside(JSON.stringify(licences())),
};
parts.POLICY = [
    "default-src 'none'",
    `script-src ${digest(parts.SCRIPT)}`,
    `style-src ${digest(parts.STYLE)}`,
    'font-src data:',
    "base-uri 'none'",
    "form-action 'none'",
].join('; ');
const policy = parts.POLICY;
delete parts.POLICY;
let page = readFileSync(join(here, 'page.html.in'), 'utf8');
for (const [name, text] of Object.entries(parts)) {
    page = page.replace(`@${name}@`, () => text);
}

const octets = (text) => [...Buffer.from(text)].join(',');
const part = (name, text) =>
    `static const unsigned char ${name}_octets[] = {${octets(text)}};\nconst struct page_part page_${name} = {${name}_octets, sizeof ${name}_octets};\n`;
const [head, body, tail] = page.split(/@POLICY@|@DATA@/);
writeFileSync(
    output,
    '#include "reports/html.h"\n' +
        part('head', head) +
        `const char page_policy[] = ${JSON.stringify(policy)};\n` +
        part('body', body) +
        part('tail', tail),
);
