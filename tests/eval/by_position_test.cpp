// Accuracy by length and depth of problems that name them.
#include "eval/by_position.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

Problem problem(const std::string& length, const std::string& depth) {
  Problem p;
  p.columns = {{"length", length}, {"depth", depth}};
  return p;
}

Episode episode(int problem, double right) {
  Episode e;
  e.problem = problem;
  e.score.parts = {{"accuracy", right}};
  return e;
}

TEST(ByPosition, CountsRightAnswersByLengthAndDepth) {
  const std::vector<Problem> problems{problem("1024", "0.5"), problem("256", "1"),
                                      problem("256", "0.5"), problem("256", "1.0")};
  const std::vector<Episode> episodes{episode(0, 1), episode(0, 0), episode(1, 1), episode(3, 0.5),
                                      episode(2, 1)};
  const auto positions = accuracy_by_position(problems, episodes);
  ASSERT_EQ(positions.size(), 3u);
  EXPECT_EQ(positions[0].length, 256);
  EXPECT_EQ(positions[0].depth, 0.5);
  EXPECT_EQ(positions[0].accuracy(), 1.0);
  EXPECT_EQ(positions[1].depth, 1.0);
  EXPECT_EQ(positions[1].n_samples, 2);
  EXPECT_EQ(positions[1].accuracy(), 0.5);
  EXPECT_EQ(positions[2].accuracy(), 0.5);
  EXPECT_EQ(describe(positions),
            "length \\ depth     0.5       1\n"
            "           256   1.000   0.500\n"
            "          1024   0.500       –");
  EXPECT_EQ(positions_to_json({positions[0]}),
            R"([{"length":256,"depth":0.5,"n":1,"accuracy":1.0}])");
}

TEST(ByPosition, OtherProblemsHaveNone) {
  Problem plain;
  const std::vector<Problem> problems{plain, problem("\"long\"", "0"), problem("12", "null"),
                                      problem("1e300", "0")};
  const std::vector<Episode> episodes{episode(0, 1), episode(1, 1), episode(2, 1), episode(3, 1)};
  EXPECT_TRUE(accuracy_by_position(problems, episodes).empty());
}

}  // namespace
}  // namespace r1
