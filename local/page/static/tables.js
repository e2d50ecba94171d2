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
const colored = (text, tag = "td") => make(tag, { class: COLORS[text] ?? null }, text);
const link = (name, choose) => {
  if (!name) return make("td");
  const button = make("button", { type: "button", class: "link", "data-key": name, "data-choose": name }, name);
  button.addEventListener("click", () => choose(name));
  return make("td", {}, button);
};

const LANDED_MILLISECONDS = 2500;

let revisions = null;

function show(id, rows, columns) {
  const empty = make("tr", {}, make("td", { colspan: columns, class: "quiet" }, EMPTY[id]));
  replaceRows(find(id), rows.length ? rows : [empty]);
}

export function showRows(rows, chosen, choose) {
  const known = revisions;
  revisions = new Map(rows.map((row) => [row.service_request_id, row.revision]));
  show(
    "rows",
    rows.map((row) => {
      const name = row.service_request_id;
      return make(
        "tr",
        { class: name === chosen ? "chosen" : null, "aria-current": name === chosen ? "true" : null },
        link(name, choose),
        colored(row.request_status),
        make("td", { class: "code" }, ...breakable(row.action)),
        make("td", {}, clock(row.last_updated)),
        make("td", { class: "number" }, row.freshness_seconds < 0 ? "ahead" : span(row.freshness_seconds)),
      );
    }),
    5,
  );
  for (const [index, row] of rows.entries())
    if (known && known.get(row.service_request_id) !== row.revision) land(find("rows").children[index]);
  const counts = new Map();
  for (const row of rows) counts.set(row.request_status, (counts.get(row.request_status) ?? 0) + 1);
  find("our-counts").textContent =
    `The newest of each status: ${[...counts].map(([status, count]) => `${count} ${status}`).join(", ") || "none"}.`;
}

function land(row) {
  row.classList.add("landed");
  setTimeout(() => row.classList.remove("landed"), LANDED_MILLISECONDS);
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
      return make(
        "tr",
        {},
        make("td", {}, clock(call.at)),
        link(call.service_request_id, choose),
        make("td", { class: "code" }, ...breakable(call.action), make("div", { class: "warn" }, why)),
        make(
          "td",
          { class: isAccepted ? "good" : "bad", title: `${call.duration_ms} ms` },
          String(call.status ?? call.error),
        ),
        make("td", {}, again),
      );
    }),
    5,
  );
}

export function showDeadLetters(messages, choose) {
  show(
    "dead-letters",
    messages.map((message) =>
      make(
        "tr",
        {},
        make("td", {}, clock(message.received_at)),
        link(message.service_request_id, choose),
        make("td", { class: "code bad" }, ...breakable(message.reason)),
        make("td", { class: "number" }, String(message.redriven)),
      ),
    ),
    4,
  );
}

export function showCommands(commands, choose) {
  show(
    "commands",
    commands.map((command) =>
      make(
        "tr",
        {},
        make("td", {}, clock(command.updated_at)),
        make("td", { class: "code" }, ...breakable(command.command)),
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
  if (event.duplicate_of) return "; the same event with another body, stored beside it";
  return event.older_than ? "; a newer event was already there" : "";
}

function difference(change) {
  const value = (name, tag) => (name in change ? make(tag, {}, JSON.stringify(change[name])) : make(tag, {}, "absent"));
  return [make("dt", {}, change.field), make("dd", {}, value("before", "del"), " → ", value("after", "ins"))];
}
