// finding.js - one finding: what, between whom, how to mend it, and the packets that prove it.
import {el} from '../dom.js';
import {exact, moment, number, octets, plural, visible} from '../format.js';
import {isOpen, lengthen} from '../model.js';
import {linkTo} from '../route.js';
import {back, facts, pageHead, panel} from '../parts/frame.js';

import {copyButton, hostLink, severityMark, statementLinks} from '../parts/marks.js';

const CONFIDENCE = {
    proven: 'the octets were seen',
    derived: 'several observations joined',
    inferred: 'from a port or a habit, not from content',
};

function party(title, side, name, host) {
    return (
        side &&
        el(
            'div',
            {class: 'party'},
            el('span', {class: 'party-kind'}, title),
            el('strong', {}, hostLink(host, name)),
            el(
                'span',
                {class: 'dim'},
                [(side.name ?? side.learned_name) && side.ip, side.port && `port ${side.port}`]
                    .filter(Boolean)
                    .join(', '),
            ),
            el(
                'span',
                {class: 'dim'},
                [
                    ...(side.roles ?? []),
                    side.group && `clients ${side.group}`,
                    side.forest && `forest ${side.forest}`,
                    side.zone && `zone ${side.zone}`,
                ]
                    .filter(Boolean)
                    .join(' \u00b7 '),
            ),
            side.learned_name && el('span', {class: 'dim'}, `name learned from ${side.learned_from}`),
        )
    );
}

export function evidenceRow(row) {
    return el(
        'li',
        {class: 'evidence'},
        el(
            'div',
            {class: 'evidence-head'},
            el('span', {class: 'packet'}, `#${row.packet}`),
            el('span', {class: 'dim'}, exact(row.ts)),
            el('span', {class: 'dim wire'}, visible(row.file)),
        ),
        el('p', {class: 'says'}, visible(row.says)),
        row.fields &&
            facts(
                Object.entries(row.fields).map(([name, value]) => [
                    name,
                    visible(Array.isArray(value) ? value.join(', ') : value),
                ]),
                {class: 'facts fields'},
            ),
        row.hex &&
            el(
                'p',
                {class: 'dim hex-of'},
                `${row.hex_of}: ${row.hex_packet ? `packet ${row.hex_packet}, ` : ''}octet ${row.hex_offset} on`,
            ),
        row.hex &&
            el(
                'pre',
                {class: 'hex', tabindex: '0', 'aria-label': `deciding octets of packet ${row.packet}`},
                octets(row.hex).map((four) => el('span', {}, four)),
            ),
    );
}

const packetFilter = (finding) =>
    finding.display_filter ??
    (finding.evidence?.length ? finding.evidence.map((e) => `frame.number == ${e.packet}`).join(' || ') : undefined);

export function filterLine(finding) {
    const text = packetFilter(finding);
    return (
        text &&
        el(
            'div',
            {class: 'filter-line'},
            el('span', {class: 'label'}, 'Wireshark'),
            el('code', {}, visible(text)),
            copyButton(text, 'the display filter'),
        )
    );
}

function evidenceLink({evidence_file: written, id}) {
    const file = `evidence/${id}.pcapng`;
    return (
        written &&
        el(
            'p',
            {class: 'evidence-file'},
            'These packets and the handshakes of their connections, for Wireshark: ',
            el('a', {href: file, download: ''}, file),
            ' beside this page.',
        )
    );
}

function acceptance({accepted}) {
    return (
        accepted &&
        el(
            'p',
            {class: accepted.expired ? 'note warn' : 'note'},
            el('strong', {}, accepted.expired ? 'The acceptance has run out. ' : 'Accepted. '),
            visible(accepted.reason ?? ''),
            accepted.until && ` Until ${accepted.until}.`,
            accepted.by && ` By ${visible(accepted.by)}.`,
        )
    );
}

function neighbours(model, finding) {
    const rows = finding.about.findings;
    const at = rows.indexOf(finding);
    const step = (row, text, key) => row && el('a', {href: linkTo('finding', row.id), rel: key}, text);
    return (
        rows.length > 1 &&
        el(
            'nav',
            {class: 'steps', 'aria-label': `Findings of ${finding.code}`},
            step(rows[at - 1], '\u2190 Previous', 'prev'),
            el('span', {class: 'dim'}, `${number(at + 1)} of ${number(rows.length)}`),
            step(rows[at + 1], 'Next \u2192', 'next'),
        )
    );
}

function aboutPanel(model, finding) {
    return panel(
        'About it',
        facts([
            [
                'Seen',
                finding.count === 1
                    ? moment(finding.first)
                    : `${number(finding.count)} times, ${moment(finding.first)} to ${moment(finding.last)}`,
            ],
            ['Connections', number(finding.flows_total)],
            ['Confidence', `${finding.confidence}: ${CONFIDENCE[finding.confidence]}`],
            ['Statements', finding.statements?.length && statementLinks(finding.statements, model)],
            ['Looked at', finding.about.evidence],
            [
                'References',
                finding.references?.length &&
                    el(
                        'ul',
                        {class: 'plain-list'},
                        finding.references.map((r) => el('li', {}, r)),
                    ),
            ],
            ['Identifier', el('code', {}, finding.id)],
        ]),
    );
}

export function findingPage(model, id) {
    const finding = model.findingById.get(id);
    if (!finding) {
        return [
            pageHead('No such finding', `This report has no finding ${visible(id)}.`),
            back('#findings', 'Findings'),
        ];
    }
    const rule = lengthen(finding).about;
    return [
        el('div', {class: 'crumbs'}, back('#findings', 'Findings'), neighbours(model, finding)),
        pageHead(
            finding.title,
            null,
            el(
                'p',
                {class: 'tags'},
                severityMark(finding.severity),
                el('a', {class: 'chip', href: linkTo('rule', finding.code)}, finding.code),
                el('span', {class: 'chip', title: CONFIDENCE[finding.confidence]}, finding.confidence),
                el('a', {class: 'chip', href: linkTo('chapter', rule.chapter)}, model.chapterName(rule.chapter)),
                !isOpen(finding) && el('span', {class: 'chip'}, 'accepted'),
            ),
        ),
        acceptance(finding),
        el(
            'div',
            {class: 'ends'},
            party('Client', finding.client, finding.from, finding.clientHost),
            el('span', {class: 'arrow-wide', 'aria-hidden': 'true'}, '\u2192'),
            party('Server', finding.server, finding.to, finding.serverHost),
        ),
        el(
            'div',
            {class: 'columns wide-left'},
            el(
                'div',
                {},
                panel(
                    'What happened',
                    el('p', {class: 'say'}, visible(finding.explanation)),
                    rule.means && el('p', {class: 'dim'}, rule.means),
                ),
                panel('How to mend it', el('p', {class: 'say'}, visible(finding.remediation))),
                panel(
                    `Evidence: ${plural(finding.evidence?.length ?? 0, 'packet')}`,
                    filterLine(finding),
                    evidenceLink(finding),
                    el('ol', {class: 'evidence-list'}, (finding.evidence ?? []).map(evidenceRow)),
                    finding.thinned &&
                        el(
                            'p',
                            {class: 'dim'},
                            'Octets and fields were left out to keep this file small; records.jsonl has them.',
                        ),
                ),
            ),
            aboutPanel(model, finding),
        ),
    ];
}
