// The tables, and the timeline of a service request.

import { breakable, clock, find, make, replaceRows, span } from "./dom.js";

const COLORS = {
  AVAILABLE: "warn",
  ASSIGNED: "good",
  COMPLETED: "quiet",
  UNAVAILABLE: "quiet",
  applied: "good",
  stale: "warn",
  duplicate: "warn",
  expired: "warn",
  unreadable: "bad",
  succeeded: "good",
  failed: "bad",
  uncertain: "warn",
  sending: "quiet",
  waiting: "warn",
};
const EMPTY = {
  rows: "No service request yet: broadcast one.",
  history: "No call yet.",
  "dead-letters": "None.",
  commands: "No command yet.",
};
const row = (...cells) => make("tr", {}, ...cells);
const cell = (...children) => make("td", {}, ...children);
const code = (text, kind = "") => make("td", { class: `code ${kind}` }, ...breakable(text));
const number = (text) => make("td", { class: "number" }, text);
const colored = (text, tag = "td") => make(tag, { class: COLORS[text] ?? null }, text);
const link = (name, choose) => {
  if (!name) return cell();
  const button = make("button", { type: "button", class: "link", "data-key": name, "data-choose": name }, name);
  button.addEventListener("click", () => choose(name));
  return cell(button);
};

const LANDED_MILLISECONDS = 2500;

let revisions = null;

function show(id, rows, columns) {
  const empty = row(make("td", { colspan: columns, class: "quiet" }, EMPTY[id]));
  replaceRows(find(id), rows.length ? rows : [empty]);
}

export function showRows(rows, chosen, choose) {
  const known = revisions;
  revisions = new Map(rows.map((one) => [one.service_request_id, one.revision]));
  show(
    "rows",
    rows.map((one) => {
      const name = one.service_request_id;
      return make(
        "tr",
        { class: name === chosen ? "chosen" : null, "aria-current": name === chosen ? "true" : null },
        link(name, choose),
        colored(one.request_status),
        code(one.action),
        cell(clock(one.last_updated)),
        number(one.freshness_seconds < 0 ? "ahead" : span(one.freshness_seconds)),
      );
    }),
    5,
  );
  for (const [index, one] of rows.entries())
    if (known && known.get(one.service_request_id) !== one.revision) land(find("rows").children[index]);
  const counts = new Map();
  for (const { request_status: status } of rows) counts.set(status, (counts.get(status) ?? 0) + 1);
  find("our-counts").textContent =
    `The newest of each status: ${[...counts].map(([status, count]) => `${count} ${status}`).join(", ") || "none"}.`;
}

function land(element) {
  element.classList.add("landed");
  setTimeout(() => element.classList.remove("landed"), LANDED_MILLISECONDS);
}

export function showHistory({ counts, pending, calls }, choose, redeliver) {
  find("their-counts").textContent =
    `${counts.events} events, ${counts.calls} calls: ${counts.acknowledged} webhooks accepted, ${pending} on the way, ${counts.given_up} given up.`;
  show(
    "history",
    calls.map((call) => {
      const again = make(
        "button",
        {
          type: "button",
          "data-key": `call ${call.id}`,
          "aria-label": `Redeliver ${call.action} of ${call.service_request_id}`,
        },
        "Redeliver",
      );
      again.addEventListener("click", () => redeliver(call.id));
      const isAccepted = call.status >= 200 && call.status < 300;
      const why = [call.reason === "event" ? "" : call.reason, call.attempt > 1 ? `try ${call.attempt}` : ""]
        .filter(Boolean)
        .join(", ");
      return row(
        cell(clock(call.at)),
        link(call.service_request_id, choose),
        make("td", { class: "code" }, ...breakable(call.action), make("div", { class: "warn" }, why)),
        make(
          "td",
          { class: isAccepted ? "good" : "bad", title: `${call.duration_ms} ms` },
          String(call.status ?? call.error),
        ),
        cell(again),
      );
    }),
    5,
  );
}

export function showDeadLetters(messages, choose) {
  show(
    "dead-letters",
    messages.map((message) =>
      row(
        cell(clock(message.received_at)),
        link(message.service_request_id, choose),
        code(message.reason, "bad"),
        number(String(message.redriven)),
      ),
    ),
    4,
  );
}

export function showCommands(commands, choose) {
  show(
    "commands",
    commands.map((command) =>
      row(
        cell(clock(command.updated_at)),
        code(command.command),
        make(
          "td",
          { class: COLORS[command.outcome] ?? null },
          command.outcome,
          command.reason && make("div", { class: "code" }, ...breakable(command.reason)),
        ),
        link(command.service_request_id, choose),
      ),
    ),
    4,
  );
}

export function showEvents(events) {
  const items = events.map((event) => {
    const what = event.action ? `${event.request_status} ${event.action}` : "unreadable";
    const item = make(
      "li",
      {},
      make("strong", {}, what),
      event.happened_at ? ` happened ${clock(event.happened_at)},` : "",
      ` received ${clock(event.received_at)}: `,
      colored(event.outcome, "span"),
      why(event),
    );
    if (event.changes?.length) item.append(make("dl", {}, ...event.changes.flatMap(difference)));
    else if (event.changes) item.append(make("div", { class: "quiet" }, "changed nothing in data"));
    return item;
  });
  find("events").replaceChildren(...(items.length ? items.reverse() : [make("li", {}, "Nothing has arrived yet.")]));
}

function why(event) {
  if (event.registers.length) return `; it changed ${event.registers.join(" and ")}`;
  if (event.reason) return `; ${event.reason}`;
  if (event.duplicate_of) return "; the same event with another body, stored separately";
  return event.older_than ? "; a newer event was already there" : "";
}

function difference(change) {
  const value = (name, tag) => (name in change ? make(tag, {}, JSON.stringify(change[name])) : make(tag, {}, "absent"));
  return [make("dt", {}, change.field), make("dd", {}, value("before", "del"), " → ", value("after", "ins"))];
}
