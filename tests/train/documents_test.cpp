// Which tokens pretraining learns, in which windows; and that a resumed run goes on at the token.
#include "train/documents.h"

#include <map>

#include "base/log.h"
#include "checkpoint/fixtures.h"
#include "data/last_digit.h"
#include "train/examples.h"

namespace r1 {
namespace {

class DocumentsTest : public testing::Test {
 protected:
  DocumentsTest() {
    set_log_level(LogLevel::kQuiet);
    write_bytes(folder_.path / "tokenizer.json", last_digit_tokenizer_json());
    write_bytes(folder_.path / "tokenizer_config.json", last_digit_tokenizer_config_json());
    std::string rows;
    for (int i = 0; i < 7; ++i) {
      std::string text(1, static_cast<char>('0' + i));
      for (int j = 0; j < 3 * i; ++j) text += " a";
      rows += "{\"text\": \"" + text + "\"}\n";
    }
    write_bytes(data(), rows);
    ModelConfig config;
    config.vocab_size = 70;
    chat_.emplace(*Chat::open(folder_.path, config));
  }
  ~DocumentsTest() override { set_log_level(LogLevel::kInfo); }

  std::string data() const { return (folder_.path / "rows.jsonl").string(); }
  Result<Documents> open(const PackingConfig& packing, const std::string& data, int64_t max_length,
                         int64_t vocab_size = 70) {
    return Documents::open(data, {}, packing, *chat_, 5, vocab_size, max_length, pool_);
  }
  std::string text(const TokenSequence& s) const {
    std::string words;
    for (const int32_t id : s.tokens) words += chat_->tokenizer().token(id) + " ";
    return words;
  }
  int32_t id(const char* word) const { return *chat_->tokenizer().token_id(word); }

  TestFolder folder_;
  ThreadPool pool_{1};
  std::optional<Chat> chat_;
};

using Ids = std::vector<int32_t>;

TEST_F(DocumentsTest, DocumentsAreSequencesOfTheirOwn) {
  auto documents = open({}, data(), 100);
  ASSERT_TRUE(ok(documents));
  std::map<std::string, int> seen;
  const auto step = documents->next(3 * 21 + 7);  // each document once
  ASSERT_TRUE(ok(step));
  for (const TokenSequence& s : *step) {
    ++seen[text(s)];
    EXPECT_EQ(s.tokens.back(), *chat_->tokenizer().eos_id());
    EXPECT_EQ(s.weights[0], 0.0f);
  }
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_EQ(seen["1 a a a <eos> "], 1);
}

/// A long document is many steps, not one.
TEST_F(DocumentsTest, LongDocumentsAreCutIntoPieces) {
  write_bytes(folder_.path / "long.txt", "1 2 3 4 5 6 7 8 9 0");  // and <eos>
  auto documents = open({}, (folder_.path / "long.txt").string(), 4);
  ASSERT_TRUE(ok(documents));
  const std::vector<std::string> pieces{"1 2 3 4 ", "5 6 7 8 ", "9 0 <eos> ", "1 2 3 4 "};
  for (const std::string& piece : pieces) {
    const auto step = documents->next(2);
    ASSERT_TRUE(ok(step));
    ASSERT_EQ(step->size(), 1u);
    EXPECT_EQ(text(step->front()), piece);
    EXPECT_EQ(step->front().weights[0], 0.0f);
    EXPECT_EQ(step->front().weights[1], 1.0f);
  }
}

TEST_F(DocumentsTest, AStreamLearnsEveryTokenOnceAcrossDocuments) {
  auto documents = open({.packing = "stream"}, data(), 8);
  ASSERT_TRUE(ok(documents));
  Ids learned;
  for (int i = 0; i < 4; ++i) {
    const auto step = documents->next(16);
    ASSERT_TRUE(ok(step));
    ASSERT_EQ(step->size(), 2u);
    for (const TokenSequence& window : *step) {
      ASSERT_EQ(window.tokens.size(), 9u);
      EXPECT_EQ(window.weights, (std::vector<float>{0, 1, 1, 1, 1, 1, 1, 1, 1}));
      if (!learned.empty()) {
        EXPECT_EQ(window.tokens[0], learned.back());
      }
      learned.insert(learned.end(), window.tokens.begin() + (learned.empty() ? 0 : 1),
                     window.tokens.end());
    }
  }
  auto whole = open({}, data(), 100);  // the same order, document by document
  Ids expected;
  const auto all = whole->next(65);
  ASSERT_TRUE(ok(all));
  for (const TokenSequence& s : *all)
    expected.insert(expected.end(), s.tokens.begin(), s.tokens.end());
  ASSERT_GE(expected.size(), learned.size());
  EXPECT_TRUE(std::equal(learned.begin(), learned.end(), expected.begin()));
}

TEST_F(DocumentsTest, TheBuiltInCorpusKeepsItsWeightsInAStream) {
  auto documents = open({.packing = "stream"}, kLastDigitData, 200);
  ASSERT_TRUE(ok(documents));
  const auto step = documents->next(200);
  ASSERT_TRUE(ok(step));
  const TokenSequence first = document_example(chat_->tokenizer(), last_digit_document(5, 0));
  for (size_t t = 0; t < first.tokens.size(); ++t) {
    EXPECT_EQ(step->front().tokens[t], first.tokens[t]);
    EXPECT_EQ(step->front().weights[t], first.weights[t]);
  }
}

TEST_F(DocumentsTest, ResumingGoesOnAtTheSameToken) {
  for (const char* packing : {"documents", "stream"}) {
    for (const std::string& from : {data(), std::string(kLastDigitData)}) {
      const int64_t max_length = from == data() ? 7 : 256;  // within a document and between two
      SCOPED_TRACE(packing + (" " + from));
      auto whole = open({.packing = packing}, from, max_length);
      ASSERT_TRUE(ok(whole));
      for (int i = 0; i < 9; ++i) {
        auto resumed = open({.packing = packing}, from, max_length);
        ASSERT_TRUE(ok(resumed));
        ASSERT_TRUE(ok(resumed->resume(whole->state())));
        const auto a = whole->next(37), b = resumed->next(37);
        ASSERT_TRUE(a && b);
        ASSERT_EQ(a->size(), b->size());
        for (size_t s = 0; s < a->size(); ++s) {
          EXPECT_EQ((*a)[s].tokens, (*b)[s].tokens);
          EXPECT_EQ((*a)[s].weights, (*b)[s].weights);
        }
        EXPECT_EQ(whole->state(), resumed->state());
      }
    }
  }
}

TEST(FillInTheMiddle, MovesTheMiddleBehindPrefixAndSuffix) {
  const Ids ids{1, 10, 11, 12, 13, 14, 15, 2};  // 1 opens, 2 closes
  const FimTokens fim{50, 51, 52};
  std::map<size_t, int> middles;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed, 0);
    const Ids out = fill_in_the_middle(ids, 1, 1, fim, rng);
    ASSERT_EQ(out.size(), ids.size() + 3);
    EXPECT_EQ(out.front(), 1);
    EXPECT_EQ(out[1], 50);
    EXPECT_EQ(out.back(), 2);
    const auto hole = std::find(out.begin(), out.end(), 51);
    const auto end = std::find(out.begin(), out.end(), 52);
    ASSERT_TRUE(hole < end && end != out.end());
    Ids back{1};
    back.insert(back.end(), out.begin() + 2, hole);
    back.insert(back.end(), end + 1, out.end() - 1);
    ++middles[static_cast<size_t>(out.end() - 1 - (end + 1))];
    back.insert(back.end(), hole + 1, end);
    back.push_back(2);
    EXPECT_EQ(back, ids);
  }
  EXPECT_EQ(middles.size(), 7u);  // of every length, none and all
  Rng rng(0, 0);
  EXPECT_EQ(fill_in_the_middle({1, 2}, 1, 1, fim, rng), (Ids{1, 50, 51, 52, 2}));
}

TEST_F(DocumentsTest, RefusesWhatCannotBeRead) {
  const auto error = [](const Result<Documents>& d) { return d ? "" : d.error().message; };
  EXPECT_NE(error(open({.packing = "tight"}, data(), 8)).find("documents or stream"),
            std::string::npos);
  EXPECT_NE(error(open({.fim_rate = 0.1}, data(), 8)).find("<|fim_prefix|>"), std::string::npos);
  EXPECT_NE(error(open({.fim_rate = 2}, data(), 8)).find("from 0 to 1"), std::string::npos);
  auto small = open({}, data(), 100, 5);  // a vocabulary of five
  ASSERT_TRUE(ok(small));
  const auto step = small->next(10);
  ASSERT_FALSE(step);
  EXPECT_NE(step.error().message.find("vocabulary ends at 5"), std::string::npos);
  write_bytes(folder_.path / "one.txt", "<eos>");
  auto short_ones = open({}, (folder_.path / "one.txt").string(), 100);
  ASSERT_TRUE(ok(short_ones));
  EXPECT_FALSE(short_ones->next(10));
  EXPECT_FALSE(open({}, (folder_.path / "absent.txt").string(), 100));
}

}  // namespace
}  // namespace r1
