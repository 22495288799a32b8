// summary.js - how bad it is, at a glance: for whoever has one minute.
import {el} from '../dom.js';
import {number, plural, span} from '../format.js';
import {SEVERITIES, STATUSES, STATUS_WORDS, lengthen, rank} from '../model.js';
import {linkTo, linkToPage} from '../route.js';
import {pageHead, panel} from '../parts/frame.js';
import {gradeTable} from '../parts/grades.js';
import {hostLink, link, severityMark} from '../parts/marks.js';
import {qualityLines} from '../parts/quality.js';
import {trafficChart} from '../parts/traffic.js';
import {severityTrend} from '../parts/trend.js';

export function headline(model) {
    const counts = model.counts();
    const total = model.openFindings.length;
    if (total === 0) {
        return 'No open findings';
    }
    const worst = SEVERITIES.find((s) => counts[s] > 0);
    return worst === 'info'
        ? plural(total, 'remark')
        : `${plural(total, 'finding')}, ${counts[worst] === total ? 'all' : number(counts[worst])} of them ${worst}`;
}

export function lead(model) {
    const input = model.summary.input ?? {};
    if (!model.start && model.live) {
        return 'No packet was captured yet.';
    }
    return `Traffic of ${span(model.start, model.end)}: ${plural(input.packets, 'packet')}, ${plural(model.summary.flows, 'conversation')}, judged by ${model.audit.policy ?? model.summary.policy?.path ?? 'the policy'}.`;
}

export function severityTiles(model) {
    const counts = model.counts();
    const accepted = model.findings.length - model.openFindings.length;
    return el(
        'ul',
        {class: 'tiles', 'aria-label': 'Open findings by severity'},
        SEVERITIES.map((s) =>
            el(
                'li',
                {},
                el(
                    'a',
                    {
                        class: `tile tile-${s} ${counts[s] === 0 ? 'zero' : ''}`,
                        href: linkToPage('findings', {severity: s}),
                    },
                    el('span', {class: 'tile-number'}, number(counts[s])),
                    el('span', {class: 'tile-name'}, s),
                ),
            ),
        ),
        el(
            'li',
            {},
            el(
                'a',
                {class: 'tile tile-accepted', href: linkToPage('findings', {accepted: 'only'})},
                el('span', {class: 'tile-number'}, number(accepted)),
                el('span', {class: 'tile-name'}, 'accepted'),
            ),
        ),
    );
}

const affected = (rule) => new Set(rule.findings.map((f) => f.to)).size;

export function firstThings(model, count = 8) {
    const rules = model.brokenRules.filter((r) => r.worst !== 'info').slice(0, count);
    return rules.length === 0
        ? el('p', {class: 'none'}, 'Nothing that has to be mended was seen.')
        : el(
              'ol',
              {class: 'first-things'},
              rules.map((rule) =>
                  el(
                      'li',
                      {},
                      severityMark(rule.worst),
                      el(
                          'div',
                          {},
                          el('a', {class: 'strong', href: linkTo('rule', rule.code)}, rule.title),
                          el('p', {class: 'dim'}, rule.remediation ?? lengthen(rule.findings[0]).remediation),
                      ),
                      el(
                          'span',
                          {class: 'count'},
                          plural(rule.findings.length, 'finding'),
                          el('span', {class: 'second'}, plural(affected(rule), 'server')),
                      ),
                  ),
              ),
          );
}

export function statementBar(model) {
    const total = model.statements.length;
    const counts = Object.fromEntries(STATUSES.map((s) => [s, model.statements.filter((x) => x.status === s).length]));
    const shown = STATUSES.filter((s) => counts[s] > 0);
    return [
        el(
            'div',
            {class: 'bar', 'aria-hidden': 'true'},
            shown.map((s) => el('span', {class: `bar-part status-${s}`, style: {'flex-grow': counts[s]}})),
        ),
        el(
            'ul',
            {class: 'legend'},
            STATUSES.map((s) =>
                el(
                    'li',
                    {},
                    el('span', {class: `dot status-${s}`, 'aria-hidden': 'true'}),
                    link(linkToPage('statements', {status: s}), `${number(counts[s])} ${STATUS_WORDS[s]}`),
                ),
            ),
        ),
        el(
            'p',
            {class: 'dim'},
            `Answers to the ${number(total)} statements of the specification. Silence is never taken for consent: what was not seen is not called consistent.`,
        ),
    ];
}

function worstHosts(model, count = 8) {
    const hosts = model.hosts
        .filter((h) => h.findings > 0)
        .sort((a, b) => rank(a.worst) - rank(b.worst) || b.findings - a.findings)
        .slice(0, count);
    return hosts.length === 0
        ? el('p', {class: 'none'}, 'No host has findings.')
        : el(
              'ul',
              {class: 'host-list'},
              hosts.map((host) =>
                  el(
                      'li',
                      {},
                      severityMark(host.worst),
                      el(
                          'span',
                          {class: 'grow'},
                          hostLink(host),
                          el(
                              'span',
                              {class: 'dim small'},
                              (host.roles ?? []).join(', ') || host.group || 'not declared',
                          ),
                      ),
                      el('span', {class: 'count'}, plural(host.findings, 'finding')),
                  ),
              ),
          );
}

export function summaryPage(model) {
    return [
        pageHead(headline(model), lead(model)),
        severityTiles(model),
        el(
            'div',
            {class: 'columns wide-left'},
            panel(
                'What to mend first',
                firstThings(model),
                model.brokenRules.length > 8 &&
                    el('p', {}, link('#findings', `All ${number(model.brokenRules.length)} rules with findings`)),
            ),
            panel(
                'Grades',
                gradeTable(model, {brief: true}),
                el('p', {class: 'dim'}, link('#chapters', 'How they are computed')),
            ),
        ),
        el(
            'div',
            {class: 'columns'},
            panel('Statements of the specification', statementBar(model)),
            panel(
                'Capture quality',
                qualityLines(model, true),
                el('p', {class: 'dim'}, link('#capture', 'Everything about the capture')),
            ),
        ),
        el(
            'div',
            {class: 'columns wide-left'},
            panel(
                'Findings and traffic over time',
                trafficChart(model, {height: 330, brief: true}),
                el('p', {class: 'dim'}, link('#timeline', 'The time line')),
            ),
            panel('Most affected hosts', worstHosts(model)),
        ),
        model.historys.length > 0 && panel('Open findings of stored audits', severityTrend(model)),
    ];
}
