// The page of r1 review: style, markup and script in one file.
#include <fmt/core.h>

#include "recipes/html.h"
#include "recipes/report_css.h"
#include "recipes/review_site.h"

namespace r1 {
namespace {

constexpr std::string_view kStyle = R"css(
main { max-width: 1080px; padding: 24px 32px 120px; }
.top { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 18px; }
.top h1 { font-size: 22px; overflow-wrap: anywhere; }
.top .counts { color: var(--ink2); font-size: 14.5px; font-variant-numeric: tabular-nums; }
.top .counts b { color: var(--ink); font-weight: 600; }
.meter {
  display: flex; height: 8px; margin: 14px 0 22px; border-radius: 5px; overflow: hidden;
  background: var(--grid);
}
.meter span { display: block; transition: width .15s; }
.meter .a { background: var(--s1); } .meter .e { background: var(--s3); }
.meter .r { background: var(--s2); }
.where {
  display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin-bottom: 12px;
  color: var(--ink2); font-size: 14px;
}
.where code { color: var(--ink); }
.mark { color: var(--ink2); }
.mark.accept { background: var(--s1); border-color: var(--s1); color: var(--card); }
.mark.edit { background: var(--s3); border-color: var(--s3); color: var(--card); }
.mark.reject { background: var(--s2); border-color: var(--s2); color: var(--card); }
.card h2 { font-size: 13px; font-weight: 500; color: var(--ink2); margin: 0 0 8px; }
.said { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.said + h2 { margin-top: 16px; }
.text { margin: 0; font-size: 14px; }
textarea {
  display: block; width: 100%; min-height: 46vh; padding: 12px 14px; border-radius: 9px;
  border: 1px solid var(--accent); background: var(--page); color: var(--ink);
  font: 14px/1.6 var(--mono); resize: vertical;
}
textarea:focus { outline: 2px solid var(--accent); outline-offset: 1px; }
.facts { padding: 0 20px; margin-top: 16px; }
.facts dd { font-family: var(--mono); font-size: 13px; align-self: center; }
.facts dt { overflow-wrap: anywhere; }
details .facts { margin-top: 0; }
.bar-keys {
  position: fixed; inset: auto 0 0 0; background: var(--card); border-top: 1px solid var(--line);
  padding: 10px 32px; display: flex; flex-wrap: wrap; gap: 8px; justify-content: center; width: auto;
}
button {
  font: 500 14.5px/1 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink);
  background: var(--page); border: 1px solid var(--line); border-radius: 9px; padding: 9px 13px;
  cursor: pointer;
}
button:hover { border-color: var(--accent); }
button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
button:disabled { opacity: .45; cursor: default; }
button.go { border-color: var(--s1); } button.no { border-color: var(--s2); }
kbd {
  font: 600 12px/1 var(--mono); border: 1px solid var(--line); border-bottom-width: 2px;
  border-radius: 5px; padding: 2px 5px; margin-right: 6px; background: var(--card);
}
.note:empty { display: none; }
.note { margin-top: 10px; font-size: 14px; color: var(--s2); }
[hidden] { display: none !important; }
@media (max-width: 620px) {
  main { padding: 18px 14px 170px; }
  .bar-keys { padding: 8px 10px; gap: 6px; }
  button { padding: 9px 10px; font-size: 14px; }
}
)css";

constexpr std::string_view kMarkup = R"html(
<main>
<div class="top"><h1 id="title"></h1><div class="counts" id="counts" aria-live="polite"></div></div>
<div class="meter" aria-hidden="true"><span class="a"></span><span class="e"></span><span class="r"></span></div>
<div class="where"><span id="place"></span><code id="name"></code><span class="mark" id="mark" hidden></span></div>
<div class="card" id="asked"></div>
<div class="card">
<h2 id="written">What the model wrote</h2>
<p class="text" id="text"></p>
<textarea id="edit" hidden spellcheck="false" aria-labelledby="written"></textarea>
<div class="note" id="note" role="status"></div>
</div>
<dl class="facts" id="facts"></dl>
<details id="more"><summary>Where it comes from</summary><dl class="facts" id="origin"></dl></details>
</main>
<div class="bar-keys" role="toolbar" aria-label="Decisions">
<button data-key="a" class="go"><kbd>a</kbd>accept</button>
<button data-key="e"><kbd>e</kbd>edit</button>
<button data-key="r" class="no"><kbd>r</kbd>reject</button>
<button data-key="u"><kbd>u</kbd>undo</button>
<button data-key="k"><kbd>k</kbd>back</button>
<button data-key="j"><kbd>j</kbd>next</button>
<button data-key="n"><kbd>n</kbd>next open</button>
<button data-key="save" class="go" hidden><kbd>Ctrl Enter</kbd>save</button>
<button data-key="cancel" hidden><kbd>Esc</kbd>cancel</button>
</div>
)html";

constexpr std::string_view kScript = R"js(
"use strict";
const $ = (id) => document.getElementById(id);
let letters = "", at = 0, shown = null, editing = false, busy = false, last = [];

async function ask(path, body) {
  const init = { headers: { "X-Review-Token": TOKEN } };
  if (body) { init.method = "POST"; init.body = JSON.stringify(body); }
  let reply;
  try { reply = await fetch(path, init); }
  catch { throw new Error("r1 review has ended; start it again and open its new address"); }
  const json = await reply.json();
  if (!reply.ok) throw new Error(json.error || "status " + reply.status);
  return json;
}

function part(parent, tag, text, cls) {
  const made = document.createElement(tag);
  if (cls) made.className = cls;
  made.textContent = text;
  parent.append(made);
  return made;
}

function drawCounts() {
  const n = { a: 0, e: 0, r: 0, ".": 0 };
  for (const c of letters) n[c]++;
  const counts = $("counts");
  counts.replaceChildren();
  [["accepted", n.a], ["edited", n.e], ["rejected", n.r], ["left", n["."]]].forEach(([name, count], i) => {
    if (i) counts.append(" · ");
    part(counts, "b", count);
    counts.append(" " + name);
  });
  for (const c of "aer")
    document.querySelector(".meter ." + c).style.width = 100 * n[c] / Math.max(1, letters.length) + "%";
}

/* The thought dim, the rest plain. */
function drawText(text) {
  const p = $("text"), close = "</think>", end = text.indexOf(close);
  p.replaceChildren();
  const cut = end >= 0 ? end + close.length : text.includes("<think>") ? text.length : 0;
  if (cut) part(p, "span", text.slice(0, cut), "thought");
  p.append(text.slice(cut));
}

function draw() {
  const row = shown;
  $("place").textContent = "row " + (row.row + 1) + " of " + letters.length;
  $("name").textContent = row.id;
  const mark = $("mark");
  mark.hidden = !row.decision;
  mark.textContent = { accept: "accepted", edit: "edited", reject: "rejected" }[row.decision] || "";
  mark.className = "mark " + row.decision;
  const asked = $("asked");
  asked.replaceChildren();
  for (const m of row.messages) {
    part(asked, "h2", m.role);
    part(asked, "div", m.content, "said");
  }
  const edited = row.decision === "edit";
  $("written").textContent = edited ? "As you have edited it" : "What the model wrote";
  drawText(edited ? row.text : row.completion);
  const facts = $("facts"), origin = $("origin");
  facts.replaceChildren();
  origin.replaceChildren();
  for (const [name, value] of Object.entries(row.facts)) {
    const pair = part(name.includes(".") ? origin : facts, "div", "");
    part(pair, "dt", name.replace("provenance.", ""));
    part(pair, "dd", value);
  }
  facts.hidden = !facts.childElementCount;
  $("more").hidden = !origin.childElementCount;
  history.replaceState(null, "", "#" + (row.row + 1));
}

async function show(row) {
  at = Math.max(0, Math.min(letters.length - 1, row));
  shown = await ask("/api/row?row=" + at);
  draw();
  scrollTo(0, 0);
}

function nextOpen(from) {
  for (let i = 0; i < letters.length; i++) {
    const row = (from + i) % letters.length;
    if (letters[row] === ".") return row;
  }
  return -1;
}

async function decide(decision, text) {
  const row = shown.row;
  const state = await ask("/api/decide", text === undefined ? { row, decision } : { row, decision, text });
  letters = state.decisions;
  drawCounts();
  if (decision === "undo") return show(row);
  last.push(row);
  const open = nextOpen(row);
  if (open >= 0) return show(open);
  await show(row);
  $("note").textContent = "Every row is decided. r1 review FILE --export OUT.jsonl writes the good ones.";
}

/* Takes back this row's decision, or else goes back to the last decided one and takes that. */
async function undo() {
  if (letters[at] === ".") {
    if (!last.length) return;
    await show(last[last.length - 1]);
  }
  last = last.filter((row) => row !== at);
  if (letters[at] !== ".") await decide("undo");
}

function setEditing(on) {
  editing = on;
  $("edit").hidden = !on;
  $("text").hidden = on;
  document.querySelectorAll("button").forEach((b) => {
    b.hidden = on !== (b.dataset.key === "save" || b.dataset.key === "cancel");
  });
  if (on) {
    $("edit").value = shown.decision === "edit" ? shown.text : shown.completion;
    $("edit").focus();
  }
}

const keys = {
  a: () => decide("accept"),
  r: () => decide("reject"),
  e: async () => setEditing(true),
  u: undo,
  j: () => show(at + 1),
  k: () => show(at - 1),
  n: () => { const open = nextOpen(at + 1); return open >= 0 ? show(open) : undefined; },
  save: async () => { const text = $("edit").value; await decide("edit", text); setEditing(false); },
  cancel: async () => setEditing(false),
};

async function press(key) {
  if (busy || !keys[key] || !shown) return;
  busy = true;
  $("note").textContent = "";
  try { await keys[key](); }
  catch (error) { $("note").textContent = error.message; }
  busy = false;
}

document.addEventListener("keydown", (event) => {
  if (editing) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); press("save"); }
    if (event.key === "Escape") press("cancel");
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = { ArrowRight: "j", ArrowLeft: "k" }[event.key] || event.key;
  if (!(key in keys) || key.length > 1) return;
  event.preventDefault();
  press(key);
});
document.querySelectorAll("button").forEach((b) => b.addEventListener("click", () => { b.blur(); press(b.dataset.key); }));

(async () => {
  try {
    const state = await ask("/api/state");
    letters = state.decisions;
    $("title").textContent = state.file.split("/").pop();
    drawCounts();
    const asked = parseInt(location.hash.slice(1), 10);
    await show(asked > 0 ? asked - 1 : Math.max(0, nextOpen(0)));
  } catch (error) { $("note").textContent = error.message; }
})();
)js";

}  // namespace

std::string review_page(const std::string& title, const std::string& token) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; img-src data:; connect-src 'self'; script-src 'nonce-{0}'; "
      "base-uri 'none'; form-action 'none'\"/>\n"
      "<link rel=\"icon\" href=\"data:,\"/>\n<title>Review {1}</title>\n",
      token, escape_html(title));
  page += "<style>" + std::string(report_css()) + std::string(kStyle) + "</style>\n</head>\n<body>";
  page += kMarkup;
  page += fmt::format("<script nonce=\"{0}\">\nconst TOKEN = \"{0}\";\n", token);
  page += kScript;
  return page + "</script>\n</body>\n</html>\n";
}

}  // namespace r1
