// Parts of rejection sampling: duplicates, few-shot prompts, rewriting, stop texts, the journal.
#include <gtest/gtest.h>

#include <fstream>

#include "base/local_server.h"
#include "base/scratch.h"
#include "train/few_shot.h"
#include "train/rewrite.h"
#include "train/sample_journal.h"
#include "train/sample_select.h"
#include "train/sample_source.h"

namespace r1 {
namespace {

void spill_text(const Path& file, const std::string& text) { std::ofstream(file) << text; }

TEST(SampleSelect, SharesOfCommonNgramsAreKnown) {
  // a b c d and b c d e: two 3-grams each, one in common, three in all
  const auto a = ngram_hashes("a b c d", 3), b = ngram_hashes("b c d e", 3);
  EXPECT_EQ(a.size(), 2u);
  EXPECT_DOUBLE_EQ(common_share(a, b), 1.0 / 3);
  EXPECT_DOUBLE_EQ(common_share(a, ngram_hashes("A,  b c... D", 3)), 1);
  EXPECT_EQ(ngram_hashes("a b", 3).size(), 1u);
  EXPECT_TRUE(ngram_hashes("", 3).empty());
}

TEST(SampleSelect, NearDuplicatesAreFoundAndOthersAreNot) {
  const std::string text = "one two three four five six seven eight nine ten eleven twelve";
  Different near(Dedupe::kNear, 0.6);
  EXPECT_TRUE(near.add(text));
  EXPECT_FALSE(near.add("One two three four five six seven eight nine ten eleven, TWELVE!"));
  EXPECT_FALSE(near.add(text + " thirteen"));
  EXPECT_TRUE(near.add("quite another text that has nothing in common with the first"));
  Different exact(Dedupe::kExact, 0);
  EXPECT_TRUE(exact.add(text));
  EXPECT_FALSE(exact.add("  " + text + "."));
  EXPECT_TRUE(exact.add(text + " thirteen"));
  Different none(Dedupe::kNone, 0);
  EXPECT_TRUE(none.add(text));
  EXPECT_TRUE(none.add(text));
  EXPECT_FALSE(parse_dedupe("fuzzy"));
}

TEST(SampleSource, AStopTextEndsTheCompletion) {
  std::string text = "42\nQuestion: 7?\nQuestion: 8?";
  EXPECT_TRUE(cut_at_stop(text, {"###", "\nQuestion:"}));
  EXPECT_EQ(text, "42");
  EXPECT_FALSE(cut_at_stop(text, {"\nQuestion:"}));
  EXPECT_FALSE(cut_at_stop(text, {}));
}

Problem question(const std::string& text) {
  Problem problem;
  problem.id = text;
  problem.messages = {{.role = "user", .content = text}};
  return problem;
}

TEST(FewShot, ExamplesStandBeforeTheQuestionAndNeverHoldItsAnswer) {
  const Scratch scratch;
  std::string rows;
  for (int i = 0; i < 5; ++i)
    rows += fmt::format("{{\"prompt\": \"q{0}\", \"completion\": \"c{0}\"}}\n", i);
  spill_text(scratch / "shots.jsonl", rows);
  const FewShot shots = FewShot::open(scratch / "shots.jsonl", 3, 1).value();
  for (int64_t i = 0; i < 20; ++i) {
    const Problem asked = shots.ask(question("q2"), i, true, 3);
    ASSERT_EQ(asked.messages.size(), 7u);
    EXPECT_EQ(asked.messages.back().content, "q2");
    EXPECT_EQ(asked.messages[1].role, "assistant");
    for (size_t m = 0; m < 6; ++m) EXPECT_NE(asked.messages[m].content, "q2");
  }
  const Problem a = shots.ask(question("q2"), 4, true, 3),
                b = shots.ask(question("q2"), 4, true, 3);
  EXPECT_EQ(a.messages[0].content, b.messages[0].content);
  const std::string text = shots.ask(question("q9"), 0, false, 3).messages[0].content;
  EXPECT_TRUE(text.starts_with("Question: q")) << text;
  EXPECT_TRUE(text.ends_with("\n\nQuestion: q9\nAnswer:")) << text;
  const Problem one = shots.ask(question("q2"), 4, true, 1);
  ASSERT_EQ(one.messages.size(), 3u);
  EXPECT_EQ(one.messages[0].content, a.messages[0].content);
  EXPECT_EQ(shots.ask(question("q2"), 4, true, 0).messages.size(), 1u);
  EXPECT_FALSE(FewShot::open(scratch / "shots.jsonl", 5, 1));
  EXPECT_FALSE(FewShot::open(scratch / "shots.jsonl", 0, 1));
}

TEST(Rewrite, PlacesAreFilledOnceAndTextsKeepTheirs) {
  EXPECT_EQ(
      fill_rewrite_prompt("{question}|{response}|{answer}|{x}", "{response}", "r{answer}", "7"),
      "{response}|r{answer}|7|{x}");
}

TEST(Rewrite, OnlyWhatStandsInItsTagsIsTaken) {
  EXPECT_EQ(read_rewritten("Sure!\n<rewritten>\nnew\n</rewritten> Bye").value(), "new");
  EXPECT_EQ(
      read_rewritten("<think><rewritten>a</rewritten></think><rewritten>b</rewritten>").value(),
      "b");
  EXPECT_FALSE(read_rewritten("new"));
  EXPECT_FALSE(read_rewritten("<rewritten>new"));
  EXPECT_FALSE(read_rewritten("</rewritten><rewritten>"));
  EXPECT_FALSE(read_rewritten("<rewritten> \n </rewritten>"));
}

JudgedProblem judged(const std::string& id) {
  JudgedProblem problem{id, 0.5, {}};
  JudgedSample good{0, "text \xF0\x9F\x98\x80", "before", true, false, 7, {}};
  good.outcome.values = {{"correct", 1.0}};
  JudgedSample bad{1, "no", "", false, true, 3, {"correct", "wrong", {{"correct", 0.0}}}};
  problem.samples = {good, bad};
  return problem;
}

TEST(SampleJournal, WhatIsWrittenIsReadBackAndATornLineIsCut) {
  const Scratch scratch;
  const Path file = scratch / "x.samples.jsonl";
  {
    auto journal = SampleJournal::open(file, "run1", false).value();
    ASSERT_TRUE(journal.add({judged("a"), judged("b")}));
  }
  const std::string whole = read_text(file).value();
  spill_text(file, whole.substr(0, whole.size() - 5));
  {
    auto journal = SampleJournal::open(file, "run1", false).value();
    ASSERT_EQ(journal.problems().size(), 1u);
    const JudgedSample& s = journal.problems()[0].samples[0];
    EXPECT_EQ(s.text, "text \xF0\x9F\x98\x80");
    EXPECT_EQ(s.original, "before");
    EXPECT_EQ(s.n_tokens, 7);
    EXPECT_TRUE(s.outcome.kept());
    EXPECT_EQ(journal.problems()[0].samples[1].outcome.dropped_by, "correct");
    ASSERT_TRUE(journal.add({judged("b")}));
  }
  EXPECT_EQ(read_text(file).value(), whole);
}

TEST(SampleJournal, AnotherRunsFileIsRefusedUnlessOverwritten) {
  const Scratch scratch;
  const Path file = scratch / "x.samples.jsonl";
  ASSERT_TRUE(SampleJournal::open(file, "run1", false)->add({judged("a")}));
  const auto other = SampleJournal::open(file, "run2", false);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("--overwrite"), std::string::npos);
  EXPECT_TRUE(SampleJournal::open(file, "run2", true)->problems().empty());
  EXPECT_TRUE(SampleJournal::open(file, "run3", false));  // a header alone is nothing to lose
}

TEST(SampleJournal, ADamagedLineIsAnErrorWithItsNumber) {
  const Scratch scratch;
  const Path file = scratch / "x.samples.jsonl";
  ASSERT_TRUE(SampleJournal::open(file, "run1", false)->add({judged("a"), judged("b")}));
  std::string text = read_text(file).value();
  text.replace(text.find("\"samples\""), 9, "\"sample!\"");
  spill_text(file, text);
  const auto opened = SampleJournal::open(file, "run1", false);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find(":2: damaged"), std::string::npos);
}

}  // namespace
}  // namespace r1
