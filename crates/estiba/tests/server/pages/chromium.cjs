// What people do with the pages, in a real Chromium.
"use strict";
const assert = require("node:assert");
const path = require("node:path");
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const terms = JSON.parse(process.env.ESTIBA_TERMS);
const project = "/teams/moria/projects/tp2";
const environment = (name) => `${project}/environments/${name}`;
/// What the console said that it should not.
const complaints = [];

async function watched(browser, options) {
  const context = await browser.newContext({ baseURL: terms.url, ...options });
  context.on("page", (page) => {
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        complaints.push(`${page.url()}: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
  });
  return context.newPage();
}

async function logIn(page, key) {
  await page.goto("/");
  await page.locator("#token").fill(key);
  await page.locator("main form button").click();
  await page.waitForURL("/");
}

/// Nothing that keeps people out, by axe's rules, and nothing wider than the screen.
async function isGood(page, where) {
  await page.goto(where);
  const { violations } = await page.evaluate(`${axe.source}; axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  })`);
  const told = violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join(" | ")}`);
  assert.deepEqual(told, [], where);
  const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  assert.ok(wider <= 0, `${where} is ${wider} px wider than the screen`);
}

/// Goes on with Tab until what has the focus says so.
async function tabTo(page, words) {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press("Tab");
    const text = await page.evaluate("document.activeElement.innerText");
    if (text && text.includes(words)) return;
  }
  assert.fail(`the keyboard does not come to "${words}" on ${page.url()}`);
}

const picture = (page, name) =>
  page.screenshot({ path: path.join(terms.pictures, `${name}.png`), scale: "css" });

async function main() {
  const browser = await chromium.launch({
    executablePath: terms.chromium,
    args: ["--no-sandbox"],
  });
  const desktop = { viewport: { width: 1100, height: 760 }, locale: "en-GB" };
  const phone = {
    viewport: { width: 390, height: 844 },
    locale: "es-AR",
    colorScheme: "dark",
    isMobile: true,
    hasTouch: true,
  };

  const gimli = await watched(browser, desktop);
  await isGood(gimli, "/login");
  await logIn(gimli, terms.gimli);
  await gimli.getByText("healthy (2/2)").waitFor();
  const paint = await gimli.evaluate(
    "performance.getEntriesByName('first-contentful-paint').map((one) => Math.round(one.startTime))[0]",
  );
  console.log(`first contentful paint: ${paint} ms`);

  // With the keyboard alone: to the content, to the environment, and a promotion.
  await gimli.keyboard.press("Tab");
  assert.equal(await gimli.evaluate("document.activeElement.className"), "skip");
  await gimli.keyboard.press("Enter");
  assert.equal(await gimli.evaluate("document.activeElement.id"), "main");
  await tabTo(gimli, "tp2");
  await gimli.keyboard.press("Enter");
  await gimli.waitForURL(project);
  await tabTo(gimli, "prod");
  await gimli.keyboard.press("Enter");
  await gimli.waitForURL(environment("prod"));
  await tabTo(gimli, "Promote from test");
  await gimli.keyboard.press("Enter");
  await gimli.getByText("A person other than you").waitFor();
  await tabTo(gimli, "Ask for it");
  await gimli.keyboard.press("Enter");
  await gimli.waitForURL("/approvals");
  await gimli.getByText("another person has to agree").waitFor();
  await gimli.evaluate("globalThis.same = true");

  // Somebody else agrees, on a phone, in Spanish, in the dark.
  const balin = await watched(browser, phone);
  await logIn(balin, terms.balin);
  assert.equal(await balin.locator("html").getAttribute("lang"), "es");
  const paper = await balin.evaluate("getComputedStyle(document.body).backgroundColor");
  assert.equal(paper, "rgb(18, 22, 28)");
  await balin.getByRole("link", { name: "Aprobaciones (1)" }).click();
  await balin.getByRole("button", { name: "Aprobar" }).waitFor();
  await picture(balin, "approval-phone");
  await balin.getByRole("button", { name: "Aprobar" }).click();
  await balin.waitForURL(/\/deployments\/\d+$/);
  await balin.evaluate("globalThis.same = true");

  // The deployment is seen as it happens, and nothing is loaded anew.
  await balin.locator("#news .badge.well").waitFor({ timeout: 120_000 });
  assert.equal(await balin.evaluate("globalThis.same"), true);
  const steps = await balin.locator(".steps .badge.well").count();
  assert.ok(steps > 5, `${steps} steps are done`);
  await balin.getByText("Esta página sigue lo que pasa.").waitFor();
  await picture(balin, "deployment-phone");
  const deployment = new URL(balin.url()).pathname;
  await gimli.getByText("Nothing waits for anybody").waitFor();
  assert.equal(await gimli.evaluate("globalThis.same"), true);

  // A deployment watched from its first step, on a wide screen, and what it writes.
  const tail = await gimli.context().newPage();
  await tail.goto(`${environment("test")}/logs/api`);
  await tail.getByText("New lines come by themselves").waitFor();
  const before = await tail.locator("#log > div").count();
  assert.ok(before > 0, "there are lines at first");
  // What has the focus keeps it when the page is brought up to date.
  const still = await gimli.context().newPage();
  await still.goto(environment("test"));
  await still.getByText("This page follows what happens.").waitFor();
  await still.getByRole("link", { name: "Roll back" }).focus();
  const instance = await still.locator("tr[id^=instance-api]").getAttribute("id");
  await gimli.goto(environment("test"));
  await gimli.getByRole("link", { name: "Restart" }).click();
  await gimli.getByRole("button", { name: "Do it" }).click();
  await gimli.waitForURL(/\/deployments\/\d+$/);
  await gimli.evaluate("globalThis.same = true");
  await gimli.locator("#news .badge.well").waitFor({ timeout: 120_000 });
  assert.equal(await gimli.evaluate("globalThis.same"), true);
  await picture(gimli, "deployment");
  await tail.waitForFunction(`document.querySelectorAll("#log > div").length > ${before}`);
  await tail.close();
  await still.waitForFunction(`!document.getElementById("${instance}")`);
  assert.equal(await still.evaluate("document.activeElement.innerText"), "Roll back");
  await still.close();

  await gimli.goto(`${project}#architecture`);
  await gimli.locator(".picture svg").scrollIntoViewIfNeeded();
  await picture(gimli, "architecture");
  await gimli.goto(environment("prod"));
  await picture(gimli, "environment");

  // Stored lines: searched, with a line's own page, and as they come.
  const logs = `${project}/logs?environment=test`;
  await gimli.goto(logs);
  await gimli.getByLabel("Which lines").fill("listening");
  await gimli.keyboard.press("Enter");
  await gimli.getByText("listening").first().waitFor();
  assert.ok((await gimli.locator(".bars a").count()) > 0, "there are bars");
  const line = await gimli.locator(".log > div:not(.mark) > a").first().getAttribute("href");
  await gimli.goto(`${logs}&live=true`);
  await gimli.getByText("New lines come by themselves").waitFor();
  const known = await gimli.locator("#log > div").count();
  assert.ok(known > 0, "there are lines at first");

  // Every page: on both screens, in both schemes and languages.
  const admin = await watched(browser, desktop);
  await logIn(admin, terms.admin);
  await admin.setViewportSize({ width: 1100, height: 480 });
  await admin.getByText("gondor").waitFor();
  await picture(admin, "overview");
  await admin.emulateMedia({ colorScheme: "dark" });
  const pages = [
    "/", "/approvals", "/figures", "/tokens", "/teams/moria", "/teams/moria/audit",
    "/teams/moria/projects/tp2?draw=prod", project, environment("test"), environment("prod"), `${environment("prod")}/history`,
    `${environment("prod")}/ship?kind=promote&from=test`, `${environment("test")}/logs/bot`,
    deployment, logs, `${logs}&live=true`, line,
  ];
  for (const where of pages) {
    await isGood(gimli, where);
    await isGood(balin, where);
  }
  for (const where of [...pages, "/audit"]) {
    await isGood(admin, where);
  }
  await gimli.goto("/figures");
  await gimli.getByRole("button", { name: "Español" }).click();
  await gimli.getByRole("heading", { name: "Cómo entregan los equipos" }).waitFor();

  // Without scripts everything can be read.
  const plain = await watched(browser, { ...desktop, javaScriptEnabled: false });
  await logIn(plain, terms.gimli);
  await plain.getByText("healthy (3/3)").waitFor();
  await plain.goto(deployment);
  assert.ok((await plain.locator(".steps .badge.well").count()) > 5);

  assert.deepEqual(complaints, []);
  // A refusal is a page as well; browsers complain of its status by themselves.
  const lost = await gimli.goto("/teams/rohan");
  assert.equal(lost.status(), 404);
  await gimli.getByRole("heading", { name: "No se encontró" }).waitFor();
  await browser.close();
  console.log(`${pages.length} pages are good`);
}

main().catch((error) => {
  console.error(error, complaints);
  process.exit(1);
});
