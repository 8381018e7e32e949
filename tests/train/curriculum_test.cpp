#include "train/curriculum.h"

#include <gtest/gtest.h>

#include <set>

namespace r1 {
namespace {

using Rows = std::vector<int64_t>;

CurriculumConfig by_pass_rate(double update = 0.5, double floor = 0.1) {
  return {"pass_rate", update, floor};
}

TEST(Curriculum, WeighsByTheVarianceOfThePassRate) {
  EXPECT_DOUBLE_EQ(curriculum_weight(0.5, 0.1), 1.0);
  EXPECT_DOUBLE_EQ(curriculum_weight(0.25, 0.1), 0.75);
  EXPECT_DOUBLE_EQ(curriculum_weight(0.0, 0.1), 0.1);
  EXPECT_DOUBLE_EQ(curriculum_weight(1.0, 0.1), 0.1);
}

TEST(Curriculum, LearnsARunningMean) {
  Curriculum c(3, 0, by_pass_rate(0.25));
  EXPECT_EQ(c.pass_rate(1), 0.5);
  c.learn(1, 1.0);
  EXPECT_DOUBLE_EQ(c.pass_rate(1), 0.625);
  c.learn(1, 0.0);
  EXPECT_DOUBLE_EQ(c.pass_rate(1), 0.46875);
  EXPECT_EQ(c.n_asked(), 1);
  EXPECT_DOUBLE_EQ(c.mean_pass_rate(), 0.46875);
}

TEST(Curriculum, DrawsWithoutRepetitionWhileRowsAreOpen) {
  Curriculum c(6, 7, by_pass_rate());
  const std::vector<bool> all(6, true), half{true, false, true, false, true, false};
  for (int i = 0; i < 20; ++i) {
    const Rows rows = c.draw(6, all);
    EXPECT_EQ(std::set<int64_t>(rows.begin(), rows.end()).size(), 6u);
    for (int64_t row : c.draw(7, half)) EXPECT_EQ(row % 2, 0);  // more than there are: again
  }
}

TEST(Curriculum, DrawsWhatIsSolvedNowAndThenMoreOften) {
  Curriculum c(3, 1, by_pass_rate(1.0, 0.1));
  c.learn(0, 0.5);
  c.learn(1, 1.0);
  c.learn(2, 0.0);
  std::vector<int> n(3, 0);
  for (int i = 0; i < 3000; ++i) ++n[c.draw(1, {true, true, true})[0]];
  EXPECT_NEAR(n[0], 3000 * 1.0 / 1.2, 100);  // weights 1, 0.1, 0.1
  EXPECT_NEAR(n[1], 3000 * 0.1 / 1.2, 60);
  EXPECT_NEAR(n[2], 3000 * 0.1 / 1.2, 60);
}

TEST(Curriculum, GoesOnExactlyWhereItStopped) {
  const std::vector<bool> all(50, true);
  Curriculum whole(50, 3, by_pass_rate(0.3));
  const auto step = [&](Curriculum& c) {
    const Rows rows = c.draw(8, all);
    for (int64_t row : rows) c.learn(row, static_cast<double>(row % 7) / 6.0);
    return rows;
  };
  for (int i = 0; i < 5; ++i) step(whole);
  Curriculum resumed(50, 3, by_pass_rate(0.3));
  ASSERT_TRUE(resumed.resume(whole.state()));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(step(resumed), step(whole));
  EXPECT_EQ(resumed.state(), whole.state());
}

TEST(Curriculum, RefusesAnotherDataSetAndBrokenState) {
  Curriculum c(5, 3, by_pass_rate());
  for (const char* state :
       {"", "{}", "[1]", "{\"n_rows\":4}", "{\"n_rows\":5,\"pass_rates\":[[9,0.5]]}",
        "{\"n_rows\":5,\"pass_rates\":[[-1,0.5]]}", "{\"n_rows\":5,\"pass_rates\":[0.5]}"}) {
    EXPECT_FALSE(c.resume(state)) << state;
  }
  EXPECT_FALSE((CurriculumConfig{"difficulty"}.validate()));
  EXPECT_FALSE(by_pass_rate(0).validate());
  EXPECT_FALSE(by_pass_rate(0.5, 0).validate());
}

}  // namespace
}  // namespace r1
