// page.mjs - the page that `rolecall audit --listen` serves, in a real browser: page.mjs MODULES CHROMIUM URL FOLDER
//
// page.py drives rolecall: a line "do WORD" on standard output asks it for something, and the line that comes back says
// that it is done. Screenshots stay in FOLDER.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const [modules, chromiumPath] = process.argv.slice(2, 4).map((a) => resolve(a));
const [url, folder] = process.argv.slice(4);
const require = createRequire(join(modules, "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const answers = createInterface({ input: process.stdin })[
  Symbol.asyncIterator
]();

let failed = 0;
async function check(what, work) {
  try {
    const note = await work();
    console.log(`ok      ${what}${note ? `: ${note}` : ""}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${what}: ${error.message}`);
  }
}
const must = (truth, why) => {
  if (!truth) {
    throw new Error(why);
  }
};
async function ask(word) {
  console.log(`do ${word}`);
  return (await answers.next()).value;
}

async function open(
  browser,
  { width = 1440, scheme = "light", hash = "", reset = "" } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: scheme,
  });
  const page = await context.newPage();
  const noise = [];
  page.on(
    "console",
    (message) =>
      ["error", "warning"].includes(message.type()) &&
      noise.push(message.text()),
  );
  page.on("pageerror", (error) => noise.push(error.message));
  page.on(
    "request",
    (request) =>
      request.url().startsWith(url) || noise.push(`asks ${request.url()}`),
  );
  await page.goto(url + hash + reset);
  await page.waitForSelector("html[data-ready]", { timeout: 20000 });
  return { page, noise, close: () => context.close() };
}
const state = (page, name, timeout = 20000) =>
  page.waitForSelector(`.live-bar[data-state="${name}"]`, { timeout });
const news = (page, n) =>
  page.waitForFunction(
    (want) =>
      document
        .querySelector(".toast:not([hidden]) .toast-count")
        ?.textContent.startsWith(`${want} new finding`),
    n,
    { timeout: 20000 },
  );
const show = (page) => page.getByRole("button", { name: /^Show/ }).click();
const picture = (page, name) =>
  page.screenshot({ path: join(folder, `live-${name}.png`) });

async function accessible(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ["violations"] }),
  );
  const bad = violations.filter((v) =>
    ["serious", "critical"].includes(v.impact),
  );
  must(
    bad.length === 0,
    bad.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`).join("; "),
  );
}

async function comesAlive(browser) {
  const wide = await open(browser, { hash: "#findings&group=list" }),
    narrow = await open(browser, { width: 390, scheme: "dark" });
  await check("says that it is live, with figures", async () => {
    await state(wide.page, "live");
    await wide.page.waitForFunction(() =>
      /Packets/.test(document.querySelector(".live-numbers").textContent),
    );
    must(await wide.page.locator(".toast").isHidden(), "news before any");
  });
  await ask("send");
  await check(
    "findings are announced, and the page stays as it is",
    async () => {
      await news(wide.page, 4);
      must(
        (await wide.page.locator(".result-count").innerText()).startsWith(
          "0 findings",
        ),
        "drawn unasked",
      );
      must(
        (await wide.page.title()).startsWith("(4) "),
        await wide.page.title(),
      );
      await picture(wide.page, "news-1440");
      await news(narrow.page, 4);
      await picture(narrow.page, "news-390");
      await accessible(wide.page);
      await accessible(narrow.page);
      const over = await narrow.page.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      );
      must(over <= 0, `${over} px too wide`);
    },
  );
  await check(
    "they are shown when the reader says so, with his filter",
    async () => {
      await show(wide.page);
      await wide.page.waitForFunction(() =>
        /^[4-9] findings/.test(
          document.querySelector(".result-count").textContent,
        ),
      );
      must(
        (await wide.page.evaluate(() => location.hash)) ===
          "#findings&group=list",
        "another view",
      );
      must(await wide.page.locator(".toast").isHidden(), "still called new");
      must(!(await wide.page.title()).startsWith("("), await wide.page.title());
      await picture(wide.page, "merged-1440");
      await show(narrow.page);
      await narrow.page.waitForFunction(() =>
        /finding/.test(document.querySelector("h1").textContent),
      );
      await picture(narrow.page, "merged-390");
      must(
        wide.noise.length + narrow.noise.length === 0,
        [...wide.noise, ...narrow.noise].join("; "),
      );
    },
  );
  await narrow.close();
  return wide;
}

async function keepsPlace(wide) {
  const { page } = wide;
  await check(
    "a refresh keeps filters, sorting, open groups and how far down one is",
    async () => {
      await page.evaluate(() => (location.hash = "#findings&q=http"));
      await page.waitForTimeout(100);
      const group = page.locator("details.group").first();
      const box = group.locator(".table-box");
      await box.getByRole("button", { name: "Client" }).click();
      await page.setViewportSize({ width: 1440, height: 420 });
      await page.evaluate(() => window.scrollTo(0, 220));
      const before = await page.evaluate(() => [
        window.scrollY,
        document.querySelector("th[aria-sort]").textContent,
        [...document.querySelectorAll("details")].map((d) => d.open).join(),
        document.querySelector('[type=search][aria-label="Search findings"]')
          .value,
        location.hash,
      ]);
      must(before[0] > 100, "the page is too short to scroll");
      const marked = await page.evaluate(
        () => (document.querySelector("main").firstChild.dataset.old = "1"),
      );
      await page.evaluate(() =>
        document.querySelector(".live-as-of button").click(),
      ); // a click would scroll to it
      await page.waitForFunction(
        () => !document.querySelector("main").firstChild.dataset.old,
      );
      const after = await page.evaluate(() => [
        window.scrollY,
        document.querySelector("th[aria-sort]")?.textContent,
        [...document.querySelectorAll("details")].map((d) => d.open).join(),
        document.querySelector('[type=search][aria-label="Search findings"]')
          .value,
        location.hash,
      ]);
      must(
        marked && JSON.stringify(before) === JSON.stringify(after),
        `${before} became ${after}`,
      );
      await page.setViewportSize({ width: 1440, height: 900 });
    },
  );
}

async function tellsTheEnd(browser, wide) {
  const { page } = wide;
  await check(
    "says that nobody answers, and that it is live again",
    async () => {
      await ask("stop"); // rolecall's process stands still
      await state(page, "lost", 30000);
      must(await page.locator(".toast").isVisible(), "no word of it");
      await picture(page, "lost-1440");
      await ask("continue");
      await state(page, "live", 40000);
      must(await page.locator(".toast").isHidden(), "still called lost");
    },
  );
  await check("notices that rolecall was started anew", async () => {
    await ask("restart");
    await state(page, "live", 60000);
    await page.waitForFunction(
      () => /started anew/.test(document.querySelector(".toast").textContent),
      null,
      {
        timeout: 30000,
      },
    );
    await picture(page, "anew-1440");
    await show(page);
    await page.waitForFunction(() => document.querySelector(".toast").hidden);
  });
  const narrow = await open(browser, { width: 390 });
  await check("says that the audit ended", async () => {
    await state(narrow.page, "live");
    await ask("end");
    await state(page, "ended", 20000);
    await state(narrow.page, "ended", 20000);
    await picture(page, "ended-1440");
    await picture(narrow.page, "ended-390");
    must(
      /ended this audit/.test(await page.locator(".toast").innerText()),
      "no word of it",
    );
  });
  await narrow.close();
}

const browser = await chromium.launch({
  executablePath: chromiumPath,
  args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});
try {
  const wide = await comesAlive(browser);
  await keepsPlace(wide);
  await tellsTheEnd(browser, wide);
  await wide.close();
} finally {
  await browser.close();
}
console.log(failed ? `${failed} failed` : "all work");
process.exit(failed ? 1 : 0);
