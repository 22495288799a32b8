// map_layout.js - where things stand in the picture of the hierarchy: a lane for each site (or forest, or zone), a column
// for each part that hosts play, from clients on the left to the directory on the right; and what flows between them.
import {stratify} from 'd3-hierarchy';
import {rank} from '../model.js';

export const CARD = {width: 172, height: 42, gap: 9};
const LANE = {label: 168, pad: 14, column: 78};
const ROOT = '/'; // no site's code
const COLUMNS = ['Clients', 'Serve clients', 'Site servers', 'Databases', 'Directory and other'];
const SITE = new Set([
    'site-server',
    'sms-provider',
    'service-connection-point',
    'endpoint-protection-point',
    'asset-intelligence-point',
]);
const DATABASE = new Set([
    'site-database',
    'reporting-services-point',
    'wsus-database',
    'data-warehouse-point',
    'file-share',
]);
const DIRECTORY = new Set([
    'domain-controller',
    'global-catalog',
    'dns',
    'wins',
    'certification-authority',
    'certificate-authority',
    'exchange-server',
    'web-proxy',
]);
const SHORT = {
    'management-point': 'MP',
    'distribution-point': 'DP',
    'pull-distribution-point': 'Pull DP',
    'software-update-point': 'SUP',
    'fallback-status-point': 'FSP',
    'state-migration-point': 'SMP',
    'site-server': 'Site server',
    'site-database': 'Database',
    'sms-provider': 'Provider',
    'reporting-services-point': 'Reporting',
    'domain-controller': 'DC',
    'global-catalog': 'GC',
    dns: 'DNS',
    'web-proxy': 'Proxy',
    'file-share': 'File share',
};

const shortRoles = (roles) => (roles ?? []).map((r) => SHORT[r] ?? r.replace(/-/g, ' ')).join(', ');

function columnOf(host) {
    const roles = host.roles ?? [];
    const has = (set) => roles.some((r) => set.has(r));
    return !host.declared ? 0 : has(SITE) ? 2 : has(DATABASE) ? 3 : has(DIRECTORY) || roles.length === 0 ? 4 : 1;
}

// Sites in the order of their tree, each with its depth in it.
function siteLanes(model) {
    const sites = model.model.sites ?? [];
    const codes = new Set(sites.map((s) => s.code));
    if (sites.length === 0) {
        return [];
    }
    const tree = stratify()
        .id((s) => s.code)
        .parentId((s) => (s.code === ROOT ? '' : codes.has(s.parent) ? s.parent : ROOT))([{code: ROOT}, ...sites]);
    const lanes = [];
    tree.eachBefore(
        (node) =>
            node.id !== ROOT &&
            lanes.push({key: node.id, title: node.id, note: node.data.kind?.replace(/-/g, ' '), depth: node.depth - 1}),
    );
    return lanes;
}

const trustText = (t) => `trusts ${t.to} (${t.direction})`;
const LANES = {
    site: {of: (h) => h.site, list: siteLanes, rest: 'Outside sites'},
    forest: {
        of: (h) => h.forest,
        list: (m) =>
            (m.model.forests ?? []).map((f) => ({
                key: f.name,
                title: f.name,
                note: (f.trusts ?? []).map(trustText).join(', ') || (f.domains ?? []).join(', '),
                depth: 0,
            })),
        rest: 'No forest',
    },
    zone: {
        of: (h) => h.zone,
        list: (m) =>
            (m.model.zones ?? []).map((z) => ({
                key: z.name,
                title: z.name,
                note: (z.networks ?? []).join(', '),
                depth: 0,
            })),
        rest: 'No zone',
    },
};
export const LANE_NAMES = [
    ['site', 'Sites'],
    ['forest', 'Forests'],
    ['zone', 'Zones'],
];

function worse(node, finding) {
    node.findings.push(finding);
    node.worst = node.worst && rank(node.worst) <= rank(finding.severity) ? node.worst : finding.severity;
}

// Every host stands in one node; clients of one group, and hosts that nobody declared, share one.
function makeNodes(model, by) {
    const nodes = new Map();
    const groups = new Map((model.model.client_groups ?? []).map((g) => [g.name, g]));
    const nodeOf = new Map();
    for (const host of model.hosts) {
        const group = !host.declared && host.group;
        const id = host.declared ? `host ${host.name}` : group ? `group ${group}` : 'undeclared';
        const about = group ? {...groups.get(group), roles: []} : host;
        const node = nodes.get(id) ?? {
            id,
            kind: host.declared ? 'host' : 'many',
            label: host.declared ? host.name.split('.')[0] : group || 'Not declared',
            name: host.declared ? host.name : group || 'hosts that are not declared',
            roles: host.roles,
            lane: LANES[by].of(about) ?? '',
            column: columnOf(host),
            hosts: [],
            findings: [],
            flows: 0,
        };
        node.hosts.push(host);
        nodes.set(id, node);
        nodeOf.set(host, node);
    }
    for (const name of groups.keys()) {
        const id = `group ${name}`;
        if (!nodes.has(id)) {
            nodes.set(id, {
                id,
                kind: 'many',
                label: name,
                name,
                lane: LANES[by].of(groups.get(name)) ?? '',
                column: 0,
                hosts: [],
                findings: [],
                flows: 0,
            });
        }
    }
    for (const node of nodes.values()) {
        const own = new Set(node.hosts.flatMap((h) => h.all));
        own.forEach((f) => worse(node, f));
        node.note = node.kind === 'host' ? shortRoles(node.roles) || 'no role' : `${node.hosts.length || 'no'} seen`;
    }
    return {nodes, nodeOf};
}

const important = (a, b) =>
    (a.worst ? rank(a.worst) : 9) - (b.worst ? rank(b.worst) : 9) ||
    b.findings.length - a.findings.length ||
    (a.label < b.label ? -1 : 1);

// What does not fit into a cell stands in it as one pile, until it is opened.
function pile(cell, key, options) {
    cell.sort(important);
    if (options.open.has(key) || cell.length <= options.most) {
        return cell;
    }
    const kept = cell.slice(0, options.most - 1),
        rest = cell.slice(options.most - 1);
    const node = {
        id: `pile ${key}`,
        kind: 'pile',
        cell: key,
        label: `${rest.length} more`,
        name: `${rest.length} more hosts`,
        lane: rest[0].lane,
        column: rest[0].column,
        hosts: rest.flatMap((n) => n.hosts),
        findings: [],
        flows: 0,
    };
    new Set(rest.flatMap((n) => n.findings)).forEach((f) => worse(node, f));
    node.note = shortRoles([...new Set(rest.flatMap((n) => n.roles ?? []))].slice(0, 3));
    rest.forEach((n) => (n.inside = node));
    return [...kept, node];
}

function place(nodes, lanes, options) {
    const columns = [...new Set(nodes.map((n) => n.column))].sort();
    const x = new Map(columns.map((c, i) => [c, LANE.label + i * (CARD.width + LANE.column)]));
    const shown = [];
    let y = 30;
    for (const lane of lanes) {
        const cells = columns.map((c) =>
            pile(
                nodes.filter((n) => n.lane === lane.key && n.column === c),
                `${lane.key}/${c}`,
                options,
            ),
        );
        const rows = Math.max(1, ...cells.map((c) => c.length));
        Object.assign(lane, {y, height: rows * (CARD.height + CARD.gap) - CARD.gap + 2 * LANE.pad});
        cells.forEach((cell, i) =>
            cell.forEach((node, row) => {
                Object.assign(node, {x: x.get(columns[i]), y: y + LANE.pad + row * (CARD.height + CARD.gap)});
                shown.push(node);
            }),
        );
        y += lane.height + 6;
    }
    return {
        shown,
        width: LANE.label + columns.length * (CARD.width + LANE.column) - LANE.column + 40,
        height: y,
        columns: columns.map((c) => ({name: COLUMNS[c], x: x.get(c)})),
    };
}

// A conversation may name a whole client group as its client.
function makeEdges(model, nodes, nodeOf) {
    const edges = new Map();
    const outer = (node) => node?.inside ?? node;
    const find = (party) =>
        outer(
            party &&
                (nodeOf.get(model.hostOf(party)) ??
                    (party.group && nodes.get(`group ${party.group}`)) ??
                    (party.ip && nodes.get('undeclared'))),
        );
    const edge = (client, server) => {
        const from = find(client),
            to = find(server);
        if (!from || !to || from === to) {
            return undefined;
        }
        const id = `${from.id} > ${to.id}`;
        const found = edges.get(id) ?? {id, from, to, flows: 0, bytes: 0, protocols: new Map(), findings: []};
        edges.set(id, found);
        return found;
    };
    for (const c of model.conversations) {
        const e = edge(c.client, c.server);
        if (e) {
            e.flows += c.flows ?? 0;
            e.bytes += c.bytes ?? 0;
            e.protocols.set(c.protocol, (e.protocols.get(c.protocol) ?? 0) + (c.flows ?? 0));
        }
    }
    for (const f of model.openFindings) {
        const e = f.client && f.server && edge(f.client, f.server);
        if (e) {
            worse(e, f);
        }
    }
    return [...edges.values()];
}

/** {by: 'site' | 'forest' | 'zone', most: cards in a cell, open: Set of cells} */
export function layOut(model, options) {
    const {nodes, nodeOf} = makeNodes(model, options.by);
    const kind = LANES[options.by];
    const lanes = kind.list(model);
    const known = new Set(lanes.map((l) => l.key));
    const all = [...nodes.values()];
    all.forEach((n) => (n.lane = known.has(n.lane) ? n.lane : ''));
    if (all.some((n) => n.lane === '')) {
        lanes.push({key: '', title: kind.rest, note: '', depth: 0});
    }
    const placed = place(all, lanes, options);
    return {
        ...placed,
        lanes,
        nodes: placed.shown,
        edges: makeEdges(model, nodes, nodeOf),
        nodeOf,
        outer: (host) => nodeOf.get(host)?.inside ?? nodeOf.get(host),
    };
}
