// page_data.mjs - what the page reads is what went in: page_data.mjs PYTHON RENDER
//
// The data of rendered pages is unpacked by the page's own code and compared with the document, record by record.
import {execFileSync} from 'node:child_process';
import {deepStrictEqual} from 'node:assert';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [python, render] = process.argv.slice(2);
const {unpack} = await import('../../reports/page/src/unpack.js');
const {lengthen} = await import('../../reports/page/src/model.js');
const LEFT_OUT = {finding: ['flows', 'long'], conversation: ['first', 'last'], rule: ['records']};

const without = (record, keys) =>
    Object.fromEntries(Object.entries(record).filter(([key]) => key !== 'type' && !keys.includes(key)));

async function compare(name, document) {
    const html = execFileSync(render, ['html'], {input: document, maxBuffer: 1 << 26}).toString();
    const records = await unpack(/<script type="text\/plain" id="data">\s*([^<]*)<\/script>/.exec(html)[1]);
    const lines = document
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    records.finding?.forEach(lengthen);
    for (const [type, rows] of Object.entries(records)) {
        const left = LEFT_OUT[type] ?? [];
        const expected = lines.filter((r) => r.type === type);
        deepStrictEqual(rows.length, expected.length, `${name}: number of ${type}`);
        rows.forEach((row, i) =>
            deepStrictEqual(without(row, left), without(expected[i], left), `${name}: ${type} ${i}`),
        );
    }
    deepStrictEqual(new Set(Object.keys(records)), new Set(lines.map((r) => r.type)), `${name}: types`);
    console.log(`ok  ${name}: ${lines.length} records come back as they were`);
}

const sample = (...options) =>
    execFileSync(python, [join(here, 'sample_document.py'), ...options], {maxBuffer: 1 << 28}).toString();
const lines = (...records) => records.map((r) => JSON.stringify(r)).join('\n') + '\n';
const finding = (more) => ({
    type: 'finding',
    id: '1',
    code: 'R001',
    client: {ip: '10.0.0.1'},
    server: {name: 'mp01.corp.example'},
    first: '2026-11-23T08:26:27.112339Z',
    last: '2026-11-23T08:26:27.112340Z',
    ...more,
});

await compare('an ordinary document', sample('--history', '3'));
await compare('attacking strings', sample('--hostile', '--seed', '9'));
await compare('many hosts', sample('--hosts', '300', '--findings', '1500'));
await compare('one record', lines({type: 'summary'}));
await compare(
    'odd findings',
    lines(
        finding({explanation: 'the marks \ue000 and \ue007 of the wire, and 10.0.0.1', evidence: []}),
        finding({
            explanation: 'mp01.corp.example.mp01.corp.example 10.0.0.10.0.0.1',
            evidence: [
                {says: '10.0.0.1', ts: 'no time'},
                {says: '', ts: '2026-11-23T08:26:27.112339Z'},
            ],
        }),
        finding({
            first: '2026-11-23T08:26:27.112339123Z',
            last: '2027-02-28T23:59:60Z',
            evidence: [{says: 'a', ts: '2026-11-23T08:26:27.1Z'}],
        }),
        finding({
            first: '1969-12-31T23:59:59.999999Z',
            last: '1970-01-01T00:00:00.000000Z',
            evidence: [{says: 'b', ts: '1969-12-31T23:59:58.000001Z'}],
        }),
        finding({
            first: undefined,
            last: '2026-11-23T08:26:27.112339Z',
            count: 9007199254740000,
            evidence: [{says: 'c', packet: 1}],
        }),
        finding({explanation: '\u0000\ud83d\udc80 10.0.0.1\u2028', client: undefined}),
    ),
);
await compare(
    'mixed columns',
    lines(
        {type: 'host', name: 'a', ips: [], first: '2026-02-30T00:00:00Z', posture: {smb: {dialects: {'3.1.1': 1}}}},
        {type: 'host', name: 1, ips: ['x', ['y']], first: '2026-02-28T00:00:00.5Z'},
        {type: 'host', name: null, ips: [{}], first: '0001-01-01T00:00:00Z', declared: true, flows: -5, share: 0.5},
        {type: 'host'},
        ...['1', 1, '1', 1, 1, '1', true, 'true'].map((name) => ({type: 'host', name})),
    ),
);
