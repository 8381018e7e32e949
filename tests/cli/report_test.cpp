// r1 run --report_only and --compare: what a run leaves to read, without running anything.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

/// A recipe whose stages take no time.
Path rows_recipe(const Path& folder) {
  spill(folder / "rows.toml", R"(
title = "rows"
output_dir = "unused"
seed = "$seed"
[variables]
seed = 0
[[stage]]
name = "rows"
verb = "data math"
n = 20
)");
  return folder / "rows.toml";
}

void run_rows(const Path& recipe, const Path& folder, const std::string& seed) {
  must_run(
      {"run", recipe.string(), "--output_dir", folder.string(), "--variables", "seed=" + seed});
}

TEST(RunReport, IsWrittenAnewAndNothingIsRun) {
  const Scratch scratch;
  const Path recipe = rows_recipe(scratch.path()), folder = scratch / "a";
  run_rows(recipe, folder, "3");
  const Json before = Json::parse(slurp(folder / "summary.json"));
  std::filesystem::remove(folder / "report.html");
  spill(folder / "rows/rows.jsonl", "changed by hand\n");
  const Outcome again =
      run_r1({"run", recipe.string(), "--output_dir", folder.string(), "--report_only"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_HAS(again.out, "report.html");
  EXPECT_HAS(slurp(folder / "report.html"), "The pipeline");
  EXPECT_EQ(slurp(folder / "rows/rows.jsonl"), "changed by hand\n");
  // the command is that of the run, and so is the seed, which the file alone does not know
  EXPECT_EQ(Json::parse(slurp(folder / "summary.json")), before);
}

TEST(RunReport, OfAFolderWithoutARunIsRefused) {
  const Scratch scratch;
  const Path recipe = rows_recipe(scratch.path());
  EXPECT_HAS(must_fail({"run", recipe.string(), "--output_dir", (scratch / "none").string(),
                        "--report_only"}),
             "holds no stage of this recipe");
}

TEST(RunReport, SeedsAreCompared) {
  const Scratch scratch;
  const Path recipe = rows_recipe(scratch.path());
  run_rows(recipe, scratch / "a", "0");
  run_rows(recipe, scratch / "b", "1");
  const std::string both = (scratch / "a").string() + "," + (scratch / "b").string();
  const Outcome table = run_r1({"run", "--compare", both});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_HAS(table.out, "rows: 2 runs");
  EXPECT_HAS(table.out, "seed 1");
  EXPECT_HAS(must_fail({"run", "--compare", (scratch / "a").string()}), "two or more");
}

}  // namespace
}  // namespace r1
