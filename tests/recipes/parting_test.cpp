// Where a learned and a watched reward part: known curves, and those that only look like it.
#include "recipes/parting.h"

#include <gtest/gtest.h>

#include "recipes/run_report.h"

namespace r1 {
namespace {

Curve curve(int n, double (*f)(double)) {
  Curve points;
  for (int i = 1; i <= n; ++i) points.emplace_back(i, f(i));
  return points;
}

double rises(double x) { return 0.01 * x; }
double tent(double x) { return x < 60 ? x / 60 : 1 - (x - 60) / 100; }  // top at 60
double plateau(double x) { return std::min(1.0, x / 50); }
double falls(double x) { return -x; }

TEST(TrailingMeans, FollowAnExampleSolvedByHand) {
  const Curve means = trailing_means({{1, 2}, {2, 4}, {3, 9}, {4, -1}}, 2);
  EXPECT_EQ(means, (Curve{{1, 2}, {2, 3}, {3, 6.5}, {4, 4}}));
}

TEST(Parting, IsWhereTheTrueRewardTurnsAndTheLearnedGoesOn) {
  const Parting p = find_parting(curve(100, rises), curve(100, tent));
  EXPECT_TRUE(p.is_parting);
  EXPECT_EQ(p.window, 10u);
  EXPECT_NEAR(p.step, 63, 3);  // the means of ten steps come to their top a little later
  EXPECT_GT(p.true_top, p.true_last);
  EXPECT_GT(p.learned_last, p.learned_then);
  const std::string text = describe_parting(p, "reward_model", "accuracy");
  EXPECT_NE(text.find("reward_model and accuracy part at step 6"), std::string::npos) << text;
}

TEST(Parting, IsAlsoWhereTheTrueRewardStalls) {
  const Parting p = find_parting(curve(100, rises), curve(100, plateau));
  EXPECT_TRUE(p.is_parting);
  EXPECT_NEAR(p.step, 57, 3);
}

TEST(Parting, IsNotSeenWhereBothRise) {
  const Parting p = find_parting(curve(100, rises), curve(100, rises));
  EXPECT_FALSE(p.is_parting);
  EXPECT_NE(describe_parting(p, "a", "b").find("a and b do not part in this run"),
            std::string::npos);
}

TEST(Parting, IsNotSeenWhereBothStallOrTheLearnedFalls) {
  EXPECT_FALSE(find_parting(curve(100, plateau), curve(100, plateau)).is_parting);
  EXPECT_FALSE(find_parting(curve(100, falls), curve(100, tent)).is_parting);
  EXPECT_FALSE(find_parting(curve(100, falls), curve(100, falls)).is_parting);
}

TEST(Parting, NeedsEnoughSteps) {
  EXPECT_FALSE(find_parting({}, {}).is_parting);
  EXPECT_FALSE(find_parting({{1, 1}}, {{1, 1}}).is_parting);
  EXPECT_FALSE(find_parting(curve(5, rises), {{1, 1}, {2, 0}, {3, 0}, {4, 0}, {5, 0}}).is_parting);
  const Curve flat{{1, 0}, {2, 0}, {3, 0}};
  EXPECT_FALSE(find_parting(flat, flat).is_parting);
}

std::vector<std::pair<int64_t, Metrics>> run_of(double (*learned)(double),
                                                double (*truth)(double)) {
  std::vector<std::pair<int64_t, Metrics>> lines;
  for (int i = 1; i <= 100; ++i) {
    lines.emplace_back(i, Metrics{{"reward", learned(i)},
                                  {"rewards/rm/mean", learned(i)},
                                  {"rewards/accuracy/mean", truth(i)}});
  }
  return lines;
}

constexpr const char* kConfig =
    "reward_funcs = [\"reward_model;model=a/b;label=rm\", \"accuracy\"]\nreward_weights = [1.0, "
    "0.0]\n";

TEST(PartingReport, PutsLearnedAndWatchedOnOneChartWithTheStepMarked) {
  const auto reports = report_partings(run_of(rises, tent), kConfig);
  ASSERT_EQ(reports.size(), 1u);
  ASSERT_EQ(reports[0].chart.series.size(), 2u);
  ASSERT_EQ(reports[0].chart.marks.size(), 1u);
  EXPECT_NEAR(reports[0].chart.marks[0].x, 63, 3);
  EXPECT_NE(render_svg(reports[0].chart).find("class=\"mark\""), std::string::npos);
  EXPECT_NE(describe_chart(reports[0].chart).find("Marked at step"), std::string::npos);
  EXPECT_TRUE(report_partings(run_of(rises, rises), kConfig)[0].chart.marks.empty());
}

TEST(PartingReport, IsOnThePageOfARunThatWatches) {
  RunReport report;
  report.metrics = run_of(rises, tent);
  report.config = kConfig;
  EXPECT_NE(render_run_report(report).find("rm and accuracy part at step"), std::string::npos);
  report.config = "reward_funcs = [\"accuracy\"]\n";
  EXPECT_EQ(render_run_report(report).find("watched"), std::string::npos);
}

TEST(PartingReport, IsEmptyForOtherRuns) {
  EXPECT_TRUE(report_partings(run_of(rises, tent), "not toml [").empty());
  EXPECT_TRUE(report_partings(run_of(rises, tent), "train_batch_size = 3\n").empty());
  EXPECT_TRUE(report_partings({}, kConfig).empty());
}

}  // namespace
}  // namespace r1
