// Maps of the experts' loads: what is read, what is refused, what is drawn.
#include "recipes/expert_map.h"

#include <gtest/gtest.h>

#include "recipes/markup.h"
#include "recipes/run_report.h"

namespace r1 {
namespace {

struct Folder {
  Path path;
  Folder() {
    path = Path(testing::TempDir()) /
           ("r1_expert_map_" +
            std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(path);
    EXPECT_TRUE(make_folder(path));
  }
  ~Folder() { std::filesystem::remove_all(path); }
  auto read(std::string_view text) const {
    EXPECT_TRUE(write_text_atomic(path / "experts.jsonl", text));
    return read_loads(path);
  }
};

TEST(ExpertMap, ReadsWhatARunWrites) {
  Folder folder;
  EXPECT_TRUE(read_loads(folder.path)->empty());
  EXPECT_EQ(expert_maps({}), "");
  const auto records = folder.read(
      "{\"step\":10,\"loads\":[[3,1],[2,2],[4,0]]}\n{\"step\":20,\"loads\":[[2,2],[4,0]]}\n{\"st");
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 2u);  // the torn line is left out
  EXPECT_EQ((*records)[0].step, 10);
  EXPECT_EQ((*records)[0].loads, (std::vector<std::vector<int64_t>>{{3, 1}, {2, 2}}));
}

TEST(ExpertMap, RefusesDamagedLinesByNumber) {
  Folder folder;
  const std::string good = "{\"step\":1,\"loads\":[[1,2]]}\n";
  for (const char* bad :
       {"x", "[]", "{\"step\":1}", "{\"step\":\"1\",\"loads\":[[1]]}", "{\"step\":1,\"loads\":1}",
        "{\"step\":1,\"loads\":[1]}", "{\"step\":1,\"loads\":[[-1,2]]}",
        "{\"step\":1,\"loads\":[[1.5,2]]}", "{\"step\":1,\"loads\":[[1,1e300]]}",
        "{\"step\":1,\"loads\":[]}", "{\"step\":1,\"loads\":[[1,2,3]]}",
        "{\"step\":1,\"loads\":[[1,2],[1]]}"}) {
    const auto records = folder.read(good + bad + "\n");
    ASSERT_FALSE(records) << bad;
    EXPECT_NE(records.error().message.find("experts.jsonl: line 2"), std::string::npos) << bad;
  }
}

TEST(ExpertMap, NamesTheLoadOfEachCellAtTheEnd) {
  const std::string html = expert_maps({{5, {{30, 10}, {0, 40}}}});
  EXPECT_EQ(markup_fault(html), "");
  EXPECT_NE(html.find("layer 0, expert 0: 1.50 of the mean"), std::string::npos);
  EXPECT_NE(html.find("layer 1, expert 0: 0.00 of the mean"), std::string::npos);
  EXPECT_NE(html.find("from 0.00 to 2.00 of the mean load"), std::string::npos);
}

TEST(ExpertMap, StaysSmallForLongRunsAndManyExperts) {
  std::vector<LoadRecord> records(1500);
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].step = static_cast<int64_t>(i);
    records[i].loads.assign(26, std::vector<int64_t>(64, 5));
    records[i].loads[0][i % 64] = 50;
  }
  const std::string html = expert_maps(records);
  EXPECT_EQ(markup_fault(html), "");
  EXPECT_LT(html.size(), 1'500'000u);
}

TEST(ExpertMap, IsPartOfTheRunsPage) {
  RunReport report;
  EXPECT_EQ(render_run_report(report).find("id=\"experts\""), std::string::npos);
  report.loads = {{1, {{1, 3}}}};
  const std::string page = render_run_report(report);
  EXPECT_NE(page.find("id=\"experts\""), std::string::npos);
  EXPECT_EQ(markup_fault(page), "");
}

}  // namespace
}  // namespace r1
