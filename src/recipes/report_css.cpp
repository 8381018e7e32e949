#include "recipes/report_css.h"

namespace r1 {
namespace {

constexpr std::string_view kCss = R"css(
:root {
  color-scheme: light dark;
  --page: #f7f6f3; --card: #ffffff; --line: #e4e2dc; --grid: #ecebe6;
  --ink: #1c1d1f; --ink2: #65686e; --accent: #0f766e; --accent-soft: #e3f1ef;
  --s1: #0f766e; --s2: #b45309; --s3: #4f5fc4; --s4: #6b7280; --s5: #b8336a; --s6: #5b7f1d;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141517; --card: #1c1e21; --line: #303338; --grid: #2a2d31;
    --ink: #eceae6; --ink2: #a0a3a9; --accent: #5ecdc1; --accent-soft: #173330;
    --s1: #5ecdc1; --s2: #e8a55c; --s3: #9aa6f2; --s4: #a3a9b3; --s5: #ee8fb2; --s6: #a9cc66;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 1240px; margin: 0 auto; padding: 48px 32px 40px; }
h1, h2, h3, p, dl, dd, figure, ul { margin: 0; padding: 0; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.02em; font-weight: 680; }
h2 { font-size: 19px; letter-spacing: -.01em; font-weight: 650; margin-bottom: 14px; }
section { margin-top: 44px; }
.lead { font-size: 18px; color: var(--ink2); max-width: 46em; margin-top: 10px; }
code { font-family: var(--mono); font-size: .86em; overflow-wrap: anywhere; }
.command { margin-top: 18px; }
.command code, .next code {
  background: var(--card); border: 1px solid var(--line); border-radius: 7px;
  padding: 6px 11px; display: inline-block;
}
.command code::before, .next code::before { content: "$ "; color: var(--accent); }
.machine { color: var(--ink2); font-size: 14px; margin-top: 10px; }

.strip {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(215px, 1fr)); gap: 1px;
  margin-top: 30px; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; overflow: hidden;
}
.strip div { padding: 16px 20px 15px; box-shadow: 0 0 0 1px var(--line); }
.strip dt { font-size: 13.5px; color: var(--ink2); }
.strip .value {
  font-size: 29px; line-height: 1.3; font-weight: 680; letter-spacing: -.02em;
  font-variant-numeric: tabular-nums;
}
.strip div:first-child .value { color: var(--accent); }
.strip .note { font-size: 13.5px; color: var(--ink2); }
.strip.story { grid-template-columns: repeat(3, 1fr); }

.grid {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 350px), 1fr));
  gap: 16px;
}
figure, .card, .scroll, .facts {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
}
figure { padding: 18px 16px 12px 20px; }
.chart { display: block; width: 100%; height: auto; overflow: visible; }

.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table {
  border-collapse: collapse; width: 100%; font-size: 14.5px; font-variant-numeric: tabular-nums;
}
caption { text-align: left; color: var(--ink2); font-size: 13px; padding: 12px 18px 6px; }
.legend { color: var(--ink2); font-size: 13.5px; margin-top: 10px; max-width: 62em; }
tbody tr:last-child > * { border-bottom: 0; }
th, td {
  text-align: right; padding: 9px 14px; white-space: nowrap; border-bottom: 1px solid var(--line);
}
th { font-weight: 500; color: var(--ink2); font-size: 13px; }
th:first-child {
  text-align: left; padding-left: 18px; position: sticky; left: 0; background: var(--card);
}
tbody th { color: var(--ink); font-size: 14.5px; }
tr.best th, tr.best td { font-weight: 650; background: var(--accent-soft); }
.error { color: var(--ink2); font-weight: 400; }
.left { text-align: left; }
tbody th small {
  display: block; font-size: 12.5px; font-weight: 400; color: var(--ink2); white-space: normal;
  max-width: 24em; line-height: 1.35;
}
.bar {
  display: inline-block; width: 64px; height: 7px; margin-left: 10px; border-radius: 4px;
  background: var(--grid); vertical-align: 1px; overflow: hidden;
}
.bar span { display: block; height: 100%; background: var(--accent); }

.card { padding: 18px 20px; margin-bottom: 16px; }
.card h3 {
  font: 600 15px/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere;
  unicode-bidi: isolate;
}
.card h3 span { color: var(--ink2); font-weight: 400; }
.answers {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
  gap: 14px 26px; margin-top: 12px;
}
.when {
  display: flex; flex-wrap: wrap; align-items: center; gap: 4px 9px; font-size: 13px;
  color: var(--ink2); padding-bottom: 7px; border-bottom: 1px solid var(--line);
}
.when b { color: var(--ink); font-weight: 600; }
.mark { border: 1px solid var(--line); border-radius: 99px; padding: 0 9px; font-size: 12.5px; }
.mark.right {
  background: var(--accent); border-color: var(--accent); color: var(--card); font-weight: 600;
}
.mark.within { border-color: var(--accent); color: var(--accent); font-weight: 600; }
.mark.fails {
  background: var(--s2); border-color: var(--s2); color: var(--card); font-weight: 600;
}
.text {
  font: 13.5px/1.6 var(--mono); margin-top: 9px; white-space: pre-wrap;
  overflow-wrap: anywhere; unicode-bidi: isolate; font-weight: 600;
}
.thought { color: var(--ink2); font-weight: 400; }
.gap { color: var(--accent); font-weight: 400; }

.facts {
  padding: 0 20px 4px; overflow: hidden; display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); column-gap: 40px;
  font-size: 14.5px;
}
.facts div {
  display: grid; grid-template-columns: 9.5em 1fr; gap: 14px; padding: 8px 0;
  border-top: 1px solid var(--line); margin-top: -1px;
}
.facts dt { color: var(--ink2); }
.facts dd { overflow-wrap: anywhere; }
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--accent); font-size: 14.5px; margin-bottom: 10px; }
pre { margin: 0; padding: 14px 18px; font: 13px/1.55 var(--mono); tab-size: 2; }
.notes { max-width: 52em; padding-left: 1.15em; }
.notes li { margin-bottom: 7px; }
.notes li::marker { color: var(--accent); }
.next { list-style: none; }
.next li {
  display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; margin-bottom: 9px;
}
.next span { color: var(--ink2); font-size: 14.5px; }
section > h3 { font-size: 15px; font-weight: 620; margin: 22px 0 10px; }
.says { max-width: 50em; margin-bottom: 14px; }
.grid + details, .grid + h3 { margin-top: 22px; }
details + .grid { margin-top: 22px; }
.scroll + .grid, .legend + .grid, .grid + .scroll, .scroll + .scroll { margin-top: 16px; }
.dense th, .dense td { padding: 9px 8px; }
.dense th:first-child { padding-left: 18px; }
.dense th:last-child, .dense td:last-child { padding-right: 18px; }
.pipeline { overflow-x: auto; }
.pipeline .wide { min-width: 860px; }
.pipeline .narrow { display: none; }
.verdicts { list-style: none; display: grid; gap: 12px; }
.verdicts li { display: grid; grid-template-columns: 8.5em 1fr; gap: 14px; align-items: baseline; }
.verdicts .mark { justify-self: start; }
.verdicts b { font-weight: 600; }
.verdicts p { color: var(--ink2); font-size: 14.5px; }
footer {
  margin-top: 52px; padding-top: 14px; border-top: 1px solid var(--line); color: var(--ink2);
  font-size: 13px;
}

@media (max-width: 760px) {
  .pipeline .wide { display: none; }
  .pipeline .narrow { display: block; max-width: 440px; margin: 0 auto; }
}
@media (max-width: 620px) {
  .verdicts li { grid-template-columns: 1fr; gap: 4px; }
  main { padding: 28px 16px 28px; }
  h1 { font-size: 27px; }
  .lead { font-size: 16.5px; }
  section { margin-top: 34px; }
  .strip { grid-template-columns: 1fr 1fr; }
  .strip.story { grid-template-columns: 1fr; }
  tbody th small { display: none; }
  .strip div { padding: 12px 13px; }
  .strip .value { font-size: 22px; }
  figure { padding: 14px 10px 8px 13px; }
  .card { padding: 15px 15px; }
  .strip div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .bar { display: none; }
  th, td { padding: 8px 11px; }
  tbody th { white-space: normal; min-width: 132px; line-height: 1.3; }
  .facts { padding: 0 15px 4px; }
  .facts div { grid-template-columns: 7.5em 1fr; }
}
@media print { body { background: #fff; } figure, .card, tr { break-inside: avoid; } }
)css";

}  // namespace

std::string_view report_css() { return kCss; }

}  // namespace r1
