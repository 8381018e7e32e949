#include "recipes/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "recipes/html.h"
#include "recipes/markup.h"

namespace r1 {
namespace {

const std::string kEvil = "<script>alert(1)</script>\"'&<think>";

std::vector<StageRow> stages() {
  return {{"base", .072, .011, .281, .698, 23.2, .327, .004, 2150, 4000000, 279},
          {"R1-Zero", .954, .012, .979, 1, 70.6, .995, .001, 50, 1340000, 188}};
}

Report full_report(const std::string& text) {
  Report r;
  r.title = r.subtitle = r.machine = r.command = text;
  r.stages = stages();
  r.stages[0].name = text;
  r.charts = {{text, text, text, {{text, {{0, 1}, {1, 2}}}}, {}, {}, false, {}}};
  r.samples = {
      {text,
       text,
       {{text, text, true, true, 1.5}, {text, text + "</think>" + text, false, false, NAN}}}};
  r.facts = {{text, text}};
  r.notes = {text};
  r.next = {{text, text}};
  return r;
}

TEST(Report, IsOneWellFormedFileThatAsksForNothing) {
  const std::string page = render_report(full_report("plain"));
  EXPECT_EQ(markup_fault(page), "");
  for (const char* outside : {"<script", "src=", "url(", "@import", "href=\"http"}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
  for (const char* part : {"<h1>", "<caption>", "scope=\"row\"", "role=\"img\"",
                           "prefers-color-scheme", "lang=\"en\"", "name=\"viewport\""}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(Report, HostileTextStaysText) {
  const std::string page = render_report(full_report(kEvil));
  EXPECT_EQ(markup_fault(page), "");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)"), std::string::npos);
  const std::string binary("\x00\xFF\xC0\x1b[31m</style>", 14);
  EXPECT_EQ(markup_fault(render_report(full_report(binary))), "");
}

TEST(Report, DimsTheThoughtOnly) {
  Report r;
  r.samples = {{"p", "7", {{"step 0", "<think> a </think> <answer> 7 </answer>", true, true, 1}}}};
  EXPECT_NE(render_report(r).find(
                "<span class=\"thought\">&lt;think&gt; a &lt;/think&gt;</span> &lt;answer&gt;"),
            std::string::npos);
}

TEST(Report, LeavesOutWhatIsEmpty) {
  const std::string page = render_report(Report{});
  EXPECT_EQ(markup_fault(page), "");
  EXPECT_EQ(count_text(page, "<section"), 0u);
}

TEST(Report, StaysBelow300KilobytesWithLongTexts) {
  Report r = full_report(std::string(200000, '&'));
  r.title = r.subtitle = r.machine = r.command = "t";
  r.stages = stages();
  r.facts.clear(), r.notes.clear(), r.next.clear();
  r.samples.assign(3, r.samples[0]);
  for (SampleCard& card : r.samples) {
    card.problem = card.answer = "p";
    card.answers.assign(
        3,
        {"step", std::string(200000, 'x') + "</think>" + std::string(200000, '&'), true, true, 1});
  }
  r.charts.assign(24, {"c", "step", "", {{"a", {}}, {"b", {}}}, {}, {}, false, {}});
  for (Chart& chart : r.charts) {
    for (Series& s : chart.series) {
      for (int i = 0; i < 2000; ++i) s.points.emplace_back(i, std::sin(i));
    }
  }
  const std::string page = render_report(r);
  EXPECT_EQ(markup_fault(page), "");
  EXPECT_LT(page.size(), 300000u);
}

TEST(Report, HeadlinesNeverRoundUpToAllNorDownToNone) {
  auto rows = stages();
  rows[0].pass_at_1 = 0.001, rows[1].pass_at_1 = 0.9999;
  const auto lines = compare_stages(rows[0], rows[1], 604);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].value, "1 → 99 %");
  EXPECT_EQ(lines[1].value, "×3.0");
  EXPECT_EQ(lines[1].note, "23 → 71 tokens");
  EXPECT_EQ(lines[2].value, "33 → 99 %");
  rows[0].pass_at_1 = 0, rows[1].pass_at_1 = 1, rows[0].mean_length = 0;
  EXPECT_EQ(compare_stages(rows[0], rows[1], NAN)[0].value, "0 → 100 %");
  EXPECT_EQ(compare_stages(rows[0], rows[1], NAN).size(), 2u);
}

TEST(TerminalTable, AlignsEveryColumn) {
  auto rows = stages();
  rows.push_back({"größer", NAN, NAN, NAN, 0, NAN, NAN, 0, 0, 0, NAN});
  const std::string table = render_terminal_table(rows, false);
  std::vector<std::string> lines;
  for (size_t at = 0; at < table.size(); at = table.find('\n', at) + 1) {
    lines.push_back(table.substr(at, table.find('\n', at) - at));
  }
  ASSERT_EQ(lines.size(), 4u);
  for (const std::string& line : lines) EXPECT_EQ(text_columns(line), text_columns(lines[0]));
  EXPECT_NE(lines[1].find("7.2 ± 1.1 %"), std::string::npos);
  EXPECT_NE(lines[2].find("95.4 ± 1.2 %"), std::string::npos);
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
}

TEST(TerminalTable, MarksTheBestStageInColour) {
  const std::string table = render_terminal_table(stages(), true);
  EXPECT_NE(table.find("\x1b[1;36mR1-Zero"), std::string::npos);
  EXPECT_EQ(table.find("\x1b[1;36mbase"), std::string::npos);
}

TEST(SummaryJson, HasExactlyTheseKeys) {
  SummaryFields fields{
      3,
      "two cores",
      "0.1.0",
      "r1 quickstart",
      604.5,
      {{"gflops", 61.5}, {"quick", true}, {"n_problems", int64_t{96}}, {"task", "last_digit"}}};
  const auto json = nlohmann::ordered_json::parse(summary_json(stages(), fields));
  const auto keys = [](const nlohmann::ordered_json& object) {
    std::vector<std::string> names;
    for (const auto& [name, value] : object.items()) names.push_back(name);
    return names;
  };
  EXPECT_EQ(keys(json["stages"][0]),
            (std::vector<std::string>{"name", "pass@1", "pass@1_stderr", "cons@16", "pass@16",
                                      "mean_length", "format_rate", "truncated_rate", "steps",
                                      "tokens", "seconds"}));
  EXPECT_EQ(keys(json),
            (std::vector<std::string>{"seed", "machine", "version", "command", "total_seconds",
                                      "gflops", "n_problems", "quick", "task", "stages"}));
  EXPECT_EQ(json["stages"][1]["pass@1"], 0.954);
  EXPECT_EQ(json["stages"][1]["tokens"], 1340000);
  EXPECT_EQ(json["task"], "last_digit");
  EXPECT_EQ(json["quick"], true);
}

TEST(SummaryJson, SurvivesWhatJsonCannotSay) {
  auto rows = stages();
  rows[0].name = "\xFF\"";
  rows[0].pass_at_16 = NAN;
  const auto json = nlohmann::json::parse(summary_json(rows, {}));
  EXPECT_TRUE(json["stages"][0]["pass@16"].is_null());
  EXPECT_EQ(json["stages"][0]["name"], "\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace r1
