// Decisions of a person: kept at once, read back, taken back, exported.
#include "data/review.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/scratch.h"

namespace r1 {
namespace {

constexpr const char* kRows =
    "{\"prompt\": \"q0\", \"completion\": \"c0\", \"answer\": \"0\", \"provenance\": {\"source\": "
    "\"x\"}}\n"
    "{\"prompt\": \"q1\", \"completion\": \"c1\"}\n"
    "{\"prompt\": \"q2\", \"completion\": \"c2\"}\n";

class ReviewTest : public testing::Test {
 protected:
  ReviewTest() { write(kRows); }
  void write(const std::string& text) { std::ofstream(file_) << text; }
  std::string journal() { return read_text(scratch_ / "rows.review.jsonl").value_or(""); }
  std::unique_ptr<Review> open() { return Review::open(file_, {}).value(); }
  Scratch scratch_;
  Path file_ = scratch_ / "rows.jsonl";
};

TEST_F(ReviewTest, DecisionsAreOnDiskWhenTheCallReturnsAndAreReadBack) {
  {
    const auto review = open();
    ASSERT_TRUE(review->decide(0, Decision::kAccept));
    ASSERT_TRUE(review->decide(1, Decision::kEdit, "better \xC3\xA9"));
    EXPECT_EQ(review->letters(), "ae.");
  }
  const auto again = open();
  EXPECT_EQ(again->letters(), "ae.");
  EXPECT_EQ(again->at(1).text, "better \xC3\xA9");
  EXPECT_EQ(again->counts().left(), 1);
}

TEST_F(ReviewTest, UndoTakesTheLastDecisionBackAndOnlyThat) {
  const auto review = open();
  ASSERT_TRUE(review->decide(0, Decision::kAccept));
  ASSERT_TRUE(review->decide(0, Decision::kReject));
  ASSERT_TRUE(review->decide(0, Decision::kNone));
  EXPECT_EQ(review->letters(), "a..");
  ASSERT_TRUE(review->decide(0, Decision::kNone));
  EXPECT_EQ(review->letters(), "...");
  EXPECT_FALSE(review->decide(0, Decision::kNone));
  EXPECT_EQ(open()->letters(), "...");
}

TEST_F(ReviewTest, AnInterruptedLineIsCutAway) {
  ASSERT_TRUE(open()->decide(2, Decision::kReject));
  const std::string whole = journal();
  std::ofstream(scratch_ / "rows.review.jsonl", std::ios::app) << "{\"row\":1,\"deci";
  const auto review = open();
  EXPECT_EQ(review->letters(), "..r");
  EXPECT_EQ(journal(), whole);
}

TEST_F(ReviewTest, TheExportHasTheGoodRowsAndSaysWhatWasDone) {
  const auto review = open();
  ASSERT_TRUE(review->decide(0, Decision::kAccept));
  ASSERT_TRUE(review->decide(1, Decision::kReject));
  ASSERT_TRUE(review->decide(2, Decision::kEdit, "new"));
  std::ofstream(scratch_ / "out.jsonl") << review->export_rows();
  const auto rows = read_problems(scratch_ / "out.jsonl").value();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].completion, "c0");
  EXPECT_EQ(rows[0].answer, "0");
  EXPECT_EQ(
      rows[0].columns.at("provenance"),
      "{\"source\":\"x\",\"review\":{\"file\":\"rows.jsonl\",\"row\":0,\"decision\":\"accept\"}}");
  EXPECT_EQ(rows[1].completion, "new");
  EXPECT_NE(rows[1].columns.at("provenance").find("\"original\":\"c2\""), std::string::npos);
}

TEST_F(ReviewTest, ARowThatChangedSinceIsAnError) {
  ASSERT_TRUE(open()->decide(1, Decision::kAccept));
  std::string changed = kRows;
  changed.replace(changed.find("c1"), 2, "cX");
  write(changed);
  const auto review = Review::open(file_, {});
  ASSERT_FALSE(review);
  EXPECT_NE(review.error().message.find("row 1"), std::string::npos) << review.error().message;
}

TEST_F(ReviewTest, BadDecisionsAndBadFilesAreRefused) {
  const auto review = open();
  EXPECT_FALSE(review->decide(3, Decision::kAccept));
  EXPECT_FALSE(review->decide(0, Decision::kEdit));
  EXPECT_FALSE(review->decide(0, Decision::kEdit, "\xFF"));
  EXPECT_FALSE(review->decide(0, Decision::kEdit, std::string(2 << 20, 'a')));
  EXPECT_EQ(journal(), "");
  for (const char* line : {"no json", "{}", "{\"row\":9}", "{\"row\":-1}", "{\"row\":0}", "[1]"}) {
    std::ofstream(scratch_ / "rows.review.jsonl") << line << "\n";
    EXPECT_FALSE(Review::open(file_, {})) << line;
  }
  std::ofstream(scratch_ / "rows.review.jsonl") << "";
  write("{\"prompt\": \"q\", \"answer\": \"1\"}\n");
  EXPECT_FALSE(Review::open(file_, {}));
}

}  // namespace
}  // namespace r1
