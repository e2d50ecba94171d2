// Connects the page to its server: shows what arrives on /events, and sends what is clicked.

import { find } from "./dom.js";
import { drawFreshness, drawTrip } from "./charts.js";
import { showCommands, showEvents, showHistory, showDeadLetters, showRows } from "./tables.js";
import { drawFlow, showCounts, showMoves } from "./flow.js";

const seen = {};
let chosen = null;
let detail = null;
let rehearsed = 0;
let asking = null;

const notify = (text) => {
  find("notice").textContent = text;
  clearTimeout(notify.timer);
  notify.timer = setTimeout(() => {
    find("notice").textContent = "";
  }, 6000);
};

async function ask(path, body) {
  const request =
    body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, request);
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.message);
  return content;
}

const of = (name, rest = "") => `/requester/${encodeURIComponent(name)}${rest}`;

async function broadcast(body, text) {
  const { service_request_ids: names } = await ask("/requester/broadcast", body);
  if (names.length === 1) choose(names[0]);
  return `${names.length === 1 ? names[0] : `${names.length} requests`}: ${text}`;
}

const after = (minutes) =>
  new Date(Date.parse(detail?.theirs?.data?.agreed_for_time ?? new Date()) + minutes * 60000).toISOString();
const command = (kind, fields = {}) =>
  ask("/commands", { command: kind, service_request_id: chosen, ...fields }).then(
    () => `The command ${kind} is on the queue.`,
  );

const ACTIONS = {
  broadcast: () => broadcast({}, "broadcast"),
  burst: () => broadcast({ count: 500 }, "broadcast together"),
  update: () => ask(of(chosen, "/update"), {}).then(() => `${chosen}: updated`),
  complete: () => ask(of(chosen, "/complete"), {}).then(() => `${chosen}: completed`),
  cancel: () => ask(of(chosen, "/cancel"), {}).then(() => `${chosen}: canceled`),
  "answer-yes": () => ask(of(chosen, "/answer"), { accept: true }).then(() => "The requester agrees."),
  "answer-no": () => ask(of(chosen, "/answer"), { accept: false }).then(() => "The requester refuses."),
  late: async () => {
    await ask(of(chosen, "/update"), { fate: "overtaken" });
    await ask(of(chosen, "/update"), {});
    return "Two updates: the second overtakes the first, which comes late.";
  },
  twice: () => broadcast({ fate: "twice" }, "comes again in a second, byte for byte"),
  restamped: () => broadcast({ fate: "restamped" }, "comes again in two seconds with another time"),
  forged: async () => {
    const { status } = await ask("/forge", chosen ? { service_request_id: chosen } : {});
    return status === 401 ? "The forged webhook was refused with 401." : `The forged webhook was answered ${status}.`;
  },
  poison: () =>
    broadcast({ fate: "ahead" }, "its time is ahead: a dead letter within seconds; redrive it after 15 seconds"),
  rehearse: async () => {
    const report = await ask("/redrive", { dry_run: true });
    rehearsed = report.would_move;
    find("rehearsed").textContent = rehearsed ? `${rehearsed} would be moved.` : "Nothing to move.";
    return find("rehearsed").textContent;
  },
  redrive: async () => {
    const report = await ask("/redrive", { dry_run: false, total: rehearsed });
    rehearsed = 0;
    find("rehearsed").textContent = `${report.moved} moved.`;
    return `${report.moved} moved back to the queue. ${report.error ?? ""}`;
  },
  "best-time": () => command("best_time", { proposed_agreed_dt: after(30) }),
  "change-request": () => command("change_request", { agreed_dt: after(30), change_reason: "invented: traffic" }),
  drive: () => command("location_update", { locations: nextPositions() }),
};

function nextPositions() {
  const { data, track } = detail.theirs;
  const [from, to] = [data.pickup_location, data.destination_location];
  const now = Date.now() / 1000;
  return Array.from({ length: 5 }, (_, index) => {
    const share = Math.min(1, (track.length + index + 1) / 20);
    const bend = Math.sin(share * Math.PI) * 0.15;
    const [lat, lng] = [to.lat - from.lat, to.lng - from.lng];
    return {
      lat: from.lat + lat * share + lng * bend,
      lng: from.lng + lng * share - lat * bend,
      alt: 90,
      timestamp: Math.round((now - 5 + index) * 1000) / 1000,
    };
  });
}

async function act(button, work) {
  button.setAttribute("aria-busy", "true");
  try {
    notify(await work());
  } catch (error) {
    notify(`Not done: ${error.message}`);
  } finally {
    button.removeAttribute("aria-busy");
    enable();
  }
}

function choose(name) {
  chosen = name;
  detail = null;
  for (const output of document.querySelectorAll("output.chosen")) output.textContent = name;
  if (seen.rows) showRows(seen.rows, chosen, choose);
  look();
}

// One request at a time; if something changes meanwhile, it is followed by one more.
async function look() {
  if (!chosen || asking) {
    asking = asking && "again";
    return;
  }
  asking = "once";
  const name = chosen;
  try {
    const found = await ask(`/service-requests/${encodeURIComponent(name)}`);
    if (name === chosen) showDetail(found);
  } catch (error) {
    notify(error.message);
  }
  const isAgain = asking === "again" || name !== chosen;
  asking = null;
  if (isAgain) look();
}

function showDetail(found) {
  detail = found;
  showEvents(found.ours?.events ?? []);
  drawTrip(
    found.theirs ??
      (found.ours?.state?.data ? { data: found.ours.state.data, track: [], states: [], positions: 0 } : null),
  );
  const wish = found.theirs?.proposed_agreed_dt ?? found.theirs?.change_requested_agreed_dt;
  find("answer").hidden = !wish;
  find("asked").textContent = wish ? `The receiver asks for ${wish.slice(11, 16)}:` : "";
  enable();
}

function enable() {
  const status = detail?.theirs?.request_status;
  const holds = {
    open: ["AVAILABLE", "ASSIGNED"].includes(status),
    assigned: status === "ASSIGNED",
    available: status === "AVAILABLE",
  };
  for (const button of document.querySelectorAll("[data-needs]")) button.disabled = !holds[button.dataset.needs];
  document.querySelector("[data-do=redrive]").disabled = !rehearsed;
}

function showReconciliation({ reconciliation, vectorcare, passed, depths }) {
  const line = find("reconciliation");
  const isCurrent =
    reconciliation &&
    vectorcare &&
    JSON.stringify(reconciliation.basis) === JSON.stringify([vectorcare.counts, passed, depths]) &&
    !vectorcare.pending;
  line.classList.toggle("open", !isCurrent);
  line.classList.toggle("lost", Boolean(isCurrent && reconciliation.lost));
  if (!isCurrent) {
    line.textContent = "On the way ...";
    return;
  }
  const parts = [
    `VectorCare got a 200 for ${reconciliation.acknowledged} events`,
    `the journal holds ${reconciliation.journaled}`,
  ];
  if (reconciliation.dead) parts.push(`${reconciliation.dead} in the dead-letter queue`);
  if (reconciliation.on_the_way) parts.push(`${reconciliation.on_the_way} on the way`);
  line.textContent = `${parts.join(", ")}: ${reconciliation.lost ? `${reconciliation.lost} LOST` : "nothing lost"}.`;
}

function show(snapshot) {
  Object.assign(seen, snapshot);
  if ("problem" in snapshot) showProblem(snapshot.problem);
  if (seen.passed && seen.vectorcare) showCounts(seen);
  if (snapshot.moves) showMoves(snapshot.moves);
  if (snapshot.rows) showRows(snapshot.rows, chosen, choose);
  if (snapshot.vectorcare)
    showHistory(snapshot.vectorcare, choose, (id) =>
      act(find("history"), () => ask(`/history/${id}/redeliver`, {}).then(() => "Redelivered.")),
    );
  if (snapshot.dead_letters) showDeadLetters(snapshot.dead_letters, choose);
  if (snapshot.commands) showCommands(snapshot.commands, choose);
  if (snapshot.freshness) drawFreshness(snapshot.freshness);
  showReconciliation(seen);
  if (snapshot.moves || snapshot.commands || snapshot.rows || snapshot.vectorcare) look();
}

function showProblem(problem) {
  find("problem").hidden = !problem;
  find("problem").textContent = problem ?? "";
}

drawFlow();
enable();
for (const button of document.querySelectorAll("[data-do]"))
  button.addEventListener("click", () => act(button, ACTIONS[button.dataset.do]));
for (const button of document.querySelectorAll("[data-command]"))
  button.addEventListener("click", () => act(button, () => command(button.dataset.command)));
for (const button of document.querySelectorAll("[data-state]"))
  button.addEventListener("click", () => act(button, () => command("state_update", { name: button.dataset.state })));
find("disorder").addEventListener("submit", (event) => {
  event.preventDefault();
  const { speed, ...disorder } = Object.fromEntries(
    [...new FormData(event.target)].map(([name, value]) => [name, Number(value)]),
  );
  act(event.target, () => ask("/settings", { speed, disorder }).then(() => "Set for what is sent from now on."));
});
ask("/settings")
  .then(({ speed, disorder }) => {
    for (const input of find("disorder").querySelectorAll("input")) input.value = { speed, ...disorder }[input.name];
  })
  .catch((error) => notify(error.message));

const events = new EventSource("/events");
events.addEventListener("message", (message) => show(JSON.parse(message.data)));
events.addEventListener("error", () => showProblem("The page's server does not answer; trying again. Is make run still running?"));
events.addEventListener("open", () => showProblem(null));
