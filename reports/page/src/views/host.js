// host.js - one host: what it is, how well it is set up as far as traffic shows, and who talks to it.
import {el} from '../dom.js';
import {DAY, day, millis, moment, number, plural, size, visible} from '../format.js';
import {STATUSES, STATUS_WORDS, partyName, rank} from '../model.js';
import {linkTo, linkToPage} from '../route.js';
import {back, facts, pageHead, panel} from '../parts/frame.js';
import {hostLink, severityMark, statusMark, wireName} from '../parts/marks.js';
import {dataTable} from '../parts/table.js';
import {findingTable} from './findings.js';

// What of the posture is a reason to look up.
const WEAK = new Set([
    'NT LM 0.12',
    '2.0.2',
    'none',
    'enabled',
    'SSL 3.0',
    'TLS 1.0',
    'TLS 1.1',
    'v1',
    'v1-ess',
    'anonymous',
    'rc4-hmac',
    'des-cbc-md5',
    'des-cbc-crc',
    'sql',
    'login',
]);
const counts = (table) =>
    table &&
    Object.keys(table).length > 0 &&
    el(
        'ul',
        {class: 'tally'},
        Object.entries(table)
            .filter(([, n]) => n > 0)
            .sort((a, b) => b[1] - a[1])
            .map(([name, n]) =>
                el(
                    'li',
                    {class: WEAK.has(name) ? 'weak' : ''},
                    el('span', {class: 'wire'}, visible(name)),
                    el('span', {class: 'num'}, number(n)),
                ),
            ),
    );
const some = (n) => (n > 0 ? number(n) : undefined);

function certificate(c, now) {
    const left = Math.floor((millis(c.not_after) - now) / DAY);
    const expiry = Number.isNaN(left)
        ? undefined
        : left < 0
          ? `expired ${day(c.not_after)}`
          : `${day(c.not_after)}, ${plural(left, 'day')} left`;
    return el(
        'div',
        {class: 'certificate'},
        el('strong', {class: 'wire'}, visible(c.subject)),
        facts([
            ['Issuer', visible(c.issuer)],
            ['Expires', expiry && el('span', {class: left < 0 ? 'weak' : left < 60 ? 'soon' : ''}, expiry)],
            ['Key', c.key],
            ['Self-signed', c.self_signed && el('span', {class: 'weak'}, 'yes')],
            ['SHA-256', c.sha256 && el('code', {class: 'hash'}, c.sha256)],
        ]),
    );
}

const POSTURE = {
    smb: [
        'SMB',
        (p) =>
            facts([
                ['Dialects', counts(p.dialects)],
                ['Signing', counts(p.signing)],
                ['Sessions', some(p.sessions)],
                ['Encrypted', some(p.encrypted)],
            ]),
    ],
    tls: [
        'TLS',
        (p, now) => [
            facts([
                ['Versions', counts(p.versions)],
                ['Cipher suites', counts(p.ciphers)],
            ]),
            (p.certificates ?? []).map((c) => certificate(c, now)),
        ],
    ],
    http: [
        'HTTP',
        (p) =>
            facts([
                ['In clear', some(p.clear)],
                ['Inside TLS', some(p.tls)],
            ]),
    ],
    ldap: [
        'LDAP',
        (p) =>
            facts([
                ['Plain', some(p.plain)],
                ['Signed', some(p.signed)],
                ['Sealed', some(p.sealed)],
                ['TLS', some(p.tls)],
                ['Simple binds', p.simple_binds > 0 && el('span', {class: 'weak'}, number(p.simple_binds))],
            ]),
    ],
    sql: [
        'SQL',
        (p) =>
            facts([
                ['Encryption', counts(p.encryption)],
                ['Logins', counts(p.logins)],
            ]),
    ],
    ntlm: [
        'NTLM',
        (p) =>
            facts([
                ['As client', some(p.as_client)],
                ['As server', some(p.as_server)],
                ['Variants', counts(p.variants)],
            ]),
    ],
    kerberos: [
        'Kerberos',
        (p) =>
            facts([
                ['Ticket encryption', counts(p.etypes)],
                ['As client', some(p.as_client)],
                ['As server', some(p.as_server)],
            ]),
    ],
};

export function posture(host, now) {
    const parts = Object.entries(POSTURE).filter(([key]) => host.posture?.[key]);
    return (
        parts.length > 0 &&
        el(
            'div',
            {class: 'posture'},
            parts.map(([key, [title, draw]]) =>
                el('section', {class: 'card'}, el('h3', {}, title), draw(host.posture[key], now)),
            ),
        )
    );
}

function conversations(model, rows, side, caption) {
    const other = (row) => row[side];
    return dataTable({
        caption,
        rows,
        pageSize: 10,
        sort: {column: 3, down: true},
        columns: [
            {
                label: side === 'client' ? 'Client' : 'Server',
                value: (r) => partyName(other(r)),
                cell: (r) =>
                    other(r).ip
                        ? hostLink(model.hostOf(other(r)), partyName(other(r)))
                        : el('span', {}, 'clients ', wireName(other(r).group ?? '')),
            },
            {
                label: 'Protocol',
                value: (r) => r.protocol,
                cell: (r) => `${r.protocol}${r.port ? `, ${r.transport ?? 'tcp'} ${r.port}` : ''}`,
            },
            {label: 'Conversations', kind: 'num', value: (r) => r.flows, cell: (r) => number(r.flows)},
            {label: 'Traffic', kind: 'num', value: (r) => r.bytes, cell: (r) => size(r.bytes)},
            {
                label: 'Unanswered',
                kind: 'num',
                value: (r) => r.unanswered ?? 0,
                cell: (r) => (r.unanswered ? number(r.unanswered) : ''),
            },
        ],
    });
}

function verdicts(rows) {
    const by = [...rows].sort(
        (a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status) || (a.code < b.code ? -1 : 1),
    );
    const tally = STATUSES.map((s) => [s, rows.filter((v) => v.status === s).length]).filter(([, n]) => n > 0);
    return el(
        'details',
        {},
        el(
            'summary',
            {},
            'Answers of the rules: ',
            tally.map(([s, n]) => `${number(n)} ${STATUS_WORDS[s]}`).join(', '),
        ),
        dataTable({
            caption: 'Answers of the rules',
            rows: by,
            pageSize: 20,
            columns: [
                {
                    label: 'Rule',
                    value: (v) => v.code,
                    cell: (v) => [el('a', {href: linkTo('rule', v.code)}, v.code), ' ', v.rule],
                },
                {label: 'Answer', value: (v) => STATUSES.indexOf(v.status), cell: (v) => statusMark(v.status)},
                {label: 'Looked at', kind: 'num', value: (v) => v.observed, cell: (v) => number(v.observed)},
                {label: 'Because', value: (v) => visible(v.because)},
            ],
        }),
    );
}

function hostFacts(host) {
    return facts(
        [
            ['Addresses', host.ips?.join(', ')],
            ['Site', host.site],
            ['Forest', host.forest],
            ['Zone', host.zone],
            ['Client group', host.group],
            ['Declared', host.declared ? 'yes' : 'no'],
            ['Name learned from', host.learned_from],
            ['Seen', host.first && `${moment(host.first)} to ${moment(host.last)}`],
            ['Conversations', host.flows && number(host.flows)],
            ['Sent', host.bytes_sent && size(host.bytes_sent)],
            ['Received', host.bytes_received && size(host.bytes_received)],
        ],
        {class: 'facts across'},
    );
}

export function hostPage(model, name) {
    const host = model.hostByName.get(name);
    if (!host) {
        return [pageHead('No such host', `This report has no host ${visible(name)}.`), back('#hosts', 'Hosts')];
    }
    const {heard, spoke} = model.conversationsOf(host);
    const own = model.verdictsBySubject.get(host.name) ?? [];
    const worst = [...host.all].sort((a, b) => rank(a.severity) - rank(b.severity));
    return [
        el(
            'div',
            {class: 'crumbs'},
            back('#hosts', 'Hosts'),
            el('a', {href: linkToPage('map', {host: host.key})}, 'On the map'),
        ),
        pageHead(
            visible(host.name),
            (host.roles ?? []).join(', ') ||
                (host.group
                    ? `client of the group ${host.group}`
                    : host.declared
                      ? 'declared without a role'
                      : 'not declared in the policy'),
            host.findings > 0 &&
                el(
                    'p',
                    {class: 'tags'},
                    severityMark(host.worst),
                    el('span', {class: 'chip'}, plural(host.findings, 'finding')),
                ),
        ),
        panel(null, hostFacts(host)),
        panel(
            'Findings',
            worst.length
                ? findingTable(worst, ['severity', 'rule', 'client', 'server', 'count'], {pageSize: 10})
                : el('p', {class: 'none'}, 'None.'),
        ),
        panel(
            'How it is set up, as traffic shows it',
            posture(host, millis(model.end)) ||
                el('p', {class: 'none'}, 'Nothing that it serves was seen in the clear.'),
        ),
        heard.length > 0 && panel('Who talks to it', conversations(model, heard, 'client', 'Clients of this host')),
        spoke.length > 0 &&
            panel('Whom it talks to', conversations(model, spoke, 'server', 'Servers that this host uses')),
        own.length > 0 && panel(null, verdicts(own)),
    ];
}
