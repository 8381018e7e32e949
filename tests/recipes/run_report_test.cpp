#include "recipes/run_report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recipes/markup.h"

namespace r1 {
namespace {

/// A folder of its own for each test, gone at the end.
struct Folder {
  Path path;
  Folder() {
    path = Path(testing::TempDir()) /
           ("r1_run_report_" +
            std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(path);
    EXPECT_TRUE(make_folder(path));
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const char* name, std::string_view text) const {
    EXPECT_TRUE(write_text_atomic(path / name, text));
  }
};

const Chart* find_chart(const std::vector<Chart>& charts, std::string_view title) {
  for (const Chart& chart : charts) {
    if (chart.title == title) return &chart;
  }
  return nullptr;
}

TEST(MetricCharts, GroupsByName) {
  const auto charts = metric_charts({{1,
                                      {{"loss", 2},
                                       {"reward", 0.5},
                                       {"reward_std", 0.2},
                                       {"rewards/accuracy/mean", 0.1},
                                       {"rewards/format/mean", 0.3},
                                       {"clip_ratio/low_mean", 0},
                                       {"unknown", 3}}},
                                     {2,
                                      {{"loss", 1.5},
                                       {"reward", 0.7},
                                       {"eval/pass@1", 0.4},
                                       {"eval/pass@1_stderr", 0.05},
                                       {"eval/mean_length", 30}}}});
  ASSERT_TRUE(find_chart(charts, "Reward"));
  EXPECT_EQ(find_chart(charts, "Reward")->series.size(), 2u);
  EXPECT_TRUE(find_chart(charts, "Reward")->series[1].dashed);
  EXPECT_EQ(find_chart(charts, "Rewards by name")->series[1].name, "format");
  EXPECT_EQ(find_chart(charts, "Loss")->series[0].points,
            (std::vector<std::pair<double, double>>{{1, 2}, {2, 1.5}}));
  const Chart* evaluation = find_chart(charts, "Evaluation");
  ASSERT_TRUE(evaluation);
  ASSERT_EQ(evaluation->series.size(), 1u);
  EXPECT_EQ(evaluation->series[0].name, "pass@1");
  EXPECT_EQ(evaluation->series[0].errors, std::vector<double>{0.05});
  EXPECT_EQ(find_chart(charts, "Evaluation: length")->series[0].name, "mean_length");
  for (const Chart& chart : charts) {
    for (const Series& s : chart.series) EXPECT_NE(s.name, "unknown");
  }
}

TEST(MetricCharts, SplitsCrowdedCharts) {
  Metrics many;
  for (int i = 0; i < 13; ++i) many.emplace_back("rewards/r" + std::to_string(i) + "/mean", i);
  const auto charts = metric_charts({{0, many}});
  ASSERT_EQ(charts.size(), 3u);
  EXPECT_EQ(charts[2].title, "Rewards by name (3)");
  EXPECT_EQ(charts[2].series.size(), 1u);
}

TEST(RunReport, HostileSamplesStayText) {
  RunReport r;
  r.title = r.config = "<b>";
  r.metrics = {{0, {{"<script>", 1}, {"rewards/<script>/mean", 1}, {"loss", NAN}}}};
  r.samples = {{1, "<script>p", "<think><script>alert(1)</script>", "</h3>", NAN, INFINITY}};
  const std::string page = render_run_report(r);
  EXPECT_EQ(markup_fault(page), "");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)"), std::string::npos);
}

TEST(RunReport, WithoutMetricsSaysSo) {
  const std::string page = render_run_report({});
  EXPECT_EQ(markup_fault(page), "");
  EXPECT_NE(page.find("No metrics yet"), std::string::npos);
}

TEST(RunReport, StaysBelow300KilobytesForLongRuns) {
  RunReport r;
  for (int step = 0; step < 3000; ++step) {
    Metrics metrics;
    for (int i = 0; i < 40; ++i)
      metrics.emplace_back("rewards/r" + std::to_string(i) + "/mean", std::sin(step * i));
    r.metrics.emplace_back(step, metrics);
  }
  r.samples.assign(50, {1, std::string(9000, '&'), std::string(90000, 'x'), "7", 1, 1});
  const std::string page = render_run_report(r);
  EXPECT_EQ(markup_fault(page), "");
  EXPECT_LT(page.size(), 300000u);
}

TEST(RunReport, ReadsARunFolder) {
  const Folder run;
  run.write("metrics.jsonl", "{\"step\": 1, \"loss\": 2.5}\n{\"step\": 2, \"loss\": null}\n");
  run.write("config.toml", "seed = 7\n");
  run.write("samples.jsonl",
            "{\"step\": 1, \"prompt\": \"p\", \"completion\": \"c\", \"reward\": 1, \"advantage\": "
            "null}\n");
  const auto report = read_run_report(run.path);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->title, run.path.filename().string());
  ASSERT_EQ(report->metrics.size(), 2u);
  ASSERT_EQ(report->samples.size(), 1u);
  EXPECT_EQ(report->samples[0].completion, "c");
  EXPECT_EQ(report->samples[0].reward, 1);
  EXPECT_TRUE(std::isnan(report->samples[0].advantage));
  EXPECT_NE(render_run_report(*report).find("seed = 7"), std::string::npos);
}

TEST(Samples, KeepsTheLastWholeLines) {
  const Folder run;
  std::string text;
  for (int i = 1; i <= 9; ++i)
    text += "{\"step\": " + std::to_string(i) + ", \"completion\": \"c\"}\n";
  run.write("samples.jsonl", text + "{\"step\": 10, \"comp");
  const auto samples = read_samples(run.path, 3);
  ASSERT_TRUE(samples) << samples.error().message;
  ASSERT_EQ(samples->size(), 3u);
  EXPECT_EQ(samples->front().step, 7);
  EXPECT_EQ(samples->back().step, 9);
  EXPECT_EQ(read_samples(run.path, 99)->size(), 9u);
  EXPECT_TRUE(read_samples(run.path, 0)->empty());
}

TEST(Samples, NoFileIsNoSamples) {
  const Folder run;
  EXPECT_TRUE(read_samples(run.path, 3)->empty());
  run.write("samples.jsonl", "");
  EXPECT_TRUE(read_samples(run.path, 3)->empty());
  run.write("samples.jsonl", "torn");
  EXPECT_TRUE(read_samples(run.path, 3)->empty());
}

TEST(Samples, RefusesBadLinesByNumber) {
  const Folder run;
  const char* bad[] = {"",
                       "7",
                       "[]",
                       "{\"completion\": \"c\"}",
                       "{\"step\": 1}",
                       "{\"step\": 1.5, \"completion\": \"c\"}",
                       "{\"step\": 1, \"completion\": 3}",
                       "{\"step\": 1, \"completion\": \"\xFF\"}"};
  for (const char* line : bad) {
    run.write("samples.jsonl", std::string("{\"step\": 1, \"completion\": \"c\"}\n") + line + "\n");
    const auto samples = read_samples(run.path, 8);
    ASSERT_FALSE(samples) << line;
    EXPECT_NE(samples.error().message.find("samples.jsonl: line 2: "), std::string::npos)
        << samples.error().message;
  }
}

}  // namespace
}  // namespace r1
