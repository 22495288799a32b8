// main.js - opens the report: reads its data, draws the frame, and shows what the address says.
import {append, el, replace} from './dom.js';
import {buildModel} from './model.js';
import {number, plural, visible} from './format.js';
import {Live} from './live.js';
import {icon} from './parts/marks.js';
import {restorePlace, takePlace} from './place.js';
import {printDocument} from './print.js';
import {linkTo, linkToPage, parseRoute} from './route.js';
import {unpack} from './unpack.js';
import {capturePage} from './views/capture.js';
import {chapterPage, chaptersPage, rulePage} from './views/chapters.js';
import {findingPage} from './views/finding.js';
import {findingsPage} from './views/findings.js';
import {hostPage} from './views/host.js';
import {hostsPage} from './views/hosts.js';
import {mapPage} from './views/map.js';
import {statementPage, statementsPage} from './views/statements.js';
import {summaryPage} from './views/summary.js';
import {timelinePage} from './views/timeline.js';

const VIEWS = {
    summary: summaryPage,
    findings: findingsPage,
    hosts: hostsPage,
    map: mapPage,
    timeline: timelinePage,
    statements: statementsPage,
    chapters: chaptersPage,
    capture: capturePage,
};
const THINGS = {finding: findingPage, host: hostPage, rule: rulePage, chapter: chapterPage, statement: statementPage};
const THEMES = ['auto', 'light', 'dark'];

// ---- theme ----

function readTheme() {
    try {
        return localStorage.getItem('rolecall-theme') ?? 'auto';
    } catch {
        return 'auto'; // files opened from disk may have no storage
    }
}

function setTheme(theme) {
    if (theme === 'auto') {
        delete document.documentElement.dataset.theme;
    } else {
        document.documentElement.dataset.theme = theme;
    }
    try {
        localStorage.setItem('rolecall-theme', theme);
    } catch {
        // then it lasts as long as the page
    }
}

function themeButton() {
    let theme = THEMES.includes(readTheme()) ? readTheme() : 'auto';
    const button = el('button', {
        type: 'button',
        class: 'icon-button',
        onclick: () => {
            theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
            show();
        },
    });
    function show() {
        setTheme(theme);
        button.setAttribute('aria-label', `Colours: ${theme}`);
        button.title = `Colours: ${theme} (t)`;
        replace(button, icon({auto: 'auto', light: 'sun', dark: 'moon'}[theme]));
    }
    show();
    return button;
}

// ---- search over everything ----

function searchAll(model, text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (...parts) => words.every((w) => parts.join(' ').toLowerCase().includes(w));
    const take = (rows, fit, show) => rows.filter(fit).slice(0, 6).map(show);
    return [
        ...take(
            model.hosts,
            (h) => fits(h.name, ...(h.ips ?? []), ...(h.roles ?? [])),
            (h) => ['Host', h.key === h.name ? h.name : `${h.name} (${h.key})`, linkTo('host', h.key)],
        ),
        ...take(
            model.rules,
            (r) => fits(r.code, r.rule, r.title),
            (r) => ['Rule', `${r.code} ${r.title}`, linkTo('rule', r.code)],
        ),
        ...take(
            model.findings,
            (f) => fits(f.id, f.title, f.from, f.to, f.code),
            (f) => ['Finding', `${f.title}: ${f.from} \u2192 ${f.to}`, linkTo('finding', f.id)],
        ),
        ...take(
            model.statements,
            (s) => fits(s.id, s.demands),
            (s) => ['Statement', `${s.id} ${s.demands}`, linkTo('statement', s.id)],
        ),
        ...take(
            [...model.chapterNames],
            ([, name]) => fits(name),
            ([key, name]) => ['Chapter', name, linkTo('chapter', key)],
        ),
        ['', `Search all findings for \u201c${text}\u201d`, linkToPage('findings', {q: text})],
    ];
}

function walkResults(event, list, input, close) {
    const links = [...list.querySelectorAll('a')];
    const at = links.indexOf(document.activeElement);
    if (event.key === 'Escape') {
        close();
        input.focus();
    } else if (event.key === 'Enter' && event.target === input) {
        links[0]?.click();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        (links[at + (event.key === 'ArrowDown' ? 1 : -1)] ?? input).focus();
    }
}

function searchBox(model) {
    const list = el('ul', {class: 'search-list', hidden: true, 'aria-label': 'Search results'});
    const close = () => {
        list.hidden = true;
    };
    let waiting;
    const input = el('input', {
        type: 'search',
        id: 'search',
        placeholder: 'Search',
        'aria-label': 'Search hosts, rules, findings and statements',
        autocomplete: 'off',
        spellcheck: 'false',
        oninput: () => {
            clearTimeout(waiting);
            waiting = setTimeout(fill, 100);
        },
    });
    function fill() {
        const text = input.value.trim();
        list.hidden = text === '';
        replace(
            list,
            text &&
                searchAll(model, text).map(([kind, name, href]) =>
                    el(
                        'li',
                        {},
                        el(
                            'a',
                            {href, onclick: close},
                            el('span', {class: 'dim'}, kind),
                            el('span', {class: 'wire'}, visible(name)),
                        ),
                    ),
                ),
        );
    }
    const box = el(
        'div',
        {
            class: 'search-box',
            role: 'search',
            'aria-label': 'Whole report',
            onkeydown: (event) => walkResults(event, list, input, close),
            onfocusout: (event) => event.relatedTarget && !box.contains(event.relatedTarget) && close(),
        },
        icon('search'),
        input,
        el('kbd', {'aria-hidden': 'true'}, '/'),
        list,
    );
    return box;
}

// ---- frame ----

function navigation(model) {
    const counts = {
        findings: model.openFindings.length,
        hosts: model.hosts.length,
        statements: model.statements.length,
    };
    const names = {
        summary: 'Summary',
        findings: 'Findings',
        hosts: 'Hosts',
        map: 'Map',
        timeline: 'Time line',
        statements: 'Statements',
        chapters: 'Grades and rules',
        capture: 'Capture',
    };
    return el(
        'nav',
        {class: 'main-nav', 'aria-label': 'Report'},
        el(
            'ul',
            {},
            Object.entries(names).map(([page, name]) =>
                el(
                    'li',
                    {},
                    el(
                        'a',
                        {href: `#${page}`, 'data-page': page},
                        name,
                        counts[page] !== undefined &&
                            el('span', {class: 'nav-count', 'aria-hidden': 'true'}, number(counts[page])),
                    ),
                ),
            ),
        ),
    );
}

function frame(model, main, live) {
    return [
        el(
            'a',
            {
                class: 'skip',
                href: '#main',
                onclick: (event) => {
                    event.preventDefault();
                    main.focus();
                },
            },
            'Skip to the content',
        ),
        el(
            'header',
            {class: 'top'},
            el('a', {class: 'wordmark', href: '#summary'}, 'rolecall'),
            searchBox(model),
            el(
                'div',
                {class: 'tools'},
                themeButton(),
                el(
                    'button',
                    {
                        type: 'button',
                        class: 'icon-button',
                        'aria-label': 'Print',
                        title: 'Print',
                        onclick: () => window.print(),
                    },
                    icon('print'),
                ),
            ),
        ),
        live?.bar,
        el('div', {class: 'shell'}, navigation(model), main),
        live?.toast,
        el('div', {id: 'announcer', class: 'hidden', 'aria-live': 'polite'}),
        el('div', {id: 'paper', hidden: true}),
    ];
}

function show(model, main, byHand) {
    const route = parseRoute(location.hash);
    const draw = route.thing ? THINGS[route.thing] : VIEWS[route.page];
    replace(main, route.thing ? draw(model, route.id, route) : draw(model, route));
    for (const link of document.querySelectorAll('.main-nav a')) {
        link.dataset.page === route.page
            ? link.setAttribute('aria-current', 'page')
            : link.removeAttribute('aria-current');
    }
    retitle(Number(document.documentElement.dataset.news ?? 0));
    if (byHand) {
        window.scrollTo(0, 0);
        main.querySelector('h1')?.focus({preventScroll: true});
    }
}

/** What the page is, and how many findings are not in it yet. */
function retitle(news) {
    const title = document.querySelector('main h1')?.textContent ?? '';
    document.documentElement.dataset.news = news;
    document.title = `${news > 0 ? `(${news}) ` : ''}${title} \u00b7 rolecall`;
}

function keys(event) {
    const typing =
        /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey;
    if (typing) {
        return;
    }
    const pages = Object.keys(VIEWS);
    if (event.key === '/') {
        event.preventDefault();
        document.getElementById('search').focus();
    } else if (event.key === 't') {
        document.querySelector('.tools .icon-button').click();
    } else if (event.key === 'n' || event.key === 'p') {
        document.querySelector(`.steps [rel=${event.key === 'n' ? 'next' : 'prev'}]`)?.click();
    } else if (/^[1-8]$/.test(event.key)) {
        location.hash = pages[event.key - 1];
    }
}

function preparePaper(model) {
    const paper = document.getElementById('paper');
    if (!paper.hasChildNodes()) {
        append(paper, printDocument(model));
    }
    paper.hidden = false;
}

async function open() {
    const app = document.getElementById('app');
    if (typeof DecompressionStream === 'undefined') {
        replace(
            app,
            el(
                'p',
                {class: 'plain'},
                'This browser is too old for the report: it needs one of 2023 or later. report.txt says the same.',
            ),
        );
        return;
    }
    let model = buildModel(await unpack(document.getElementById('data').textContent));
    document.getElementById('data').remove();
    const main = el('main', {id: 'main', tabindex: '-1'});
    // A file, also one that somebody's own server hands out, asks nobody for anything.
    const live = model.live && /^https?:$/.test(location.protocol) ? new Live(model, {merge, retitle}) : undefined;

    async function merge() {
        const answer = await fetch('/data', {cache: 'no-store'});
        if (!answer.ok) {
            throw new Error((await answer.text()).trim());
        }
        model = buildModel(await unpack(await answer.text()));
        const place = takePlace(main);
        replace(app, frame(model, main, live));
        show(model, main, false);
        restorePlace(main, place);
        live.take(model);
    }

    replace(app, frame(model, main, live));
    window.addEventListener('hashchange', () => show(model, main, true));
    window.addEventListener('beforeprint', () => preparePaper(model));
    window.addEventListener('afterprint', () => (document.getElementById('paper').hidden = true));
    document.addEventListener('keydown', keys);
    show(model, main, false);
    if (location.hash === '#paper') {
        preparePaper(model); // printed without a window, where nobody may say "beforeprint"
    }
    document.documentElement.dataset.ready = plural(model.findings.length, 'finding');
}

open().catch((error) =>
    replace(
        document.getElementById('app'),
        el('p', {class: 'plain'}, `The report cannot be shown: ${error.message}. The file may have been cut short.`),
    ),
);
